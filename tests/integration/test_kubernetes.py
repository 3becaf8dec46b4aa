"""The Kubernetes actuator against a fake API server over HTTP; no real cluster was ever asked."""

import json

import pytest

from benchmarks import real_peers
from service.ports import Action, ActionKind, InDoubtError, PermanentError, TransientError
from tests.contracts.receiver import ApiServer, listening
from tests.contracts.rigs import TOKEN, hand_of


@pytest.fixture
def server():
    """One deployment, ``web`` in ``shop``, with two replicas."""
    return ApiServer()


@pytest.fixture
def url(server):
    """Where it listens."""
    with listening(server) as address:
        yield address


def hand(url, deployment="web", **more):
    """An actuator that may do everything that it can."""
    settings = {
        "type": "kubernetes",
        "api_url": url,
        "token": TOKEN,
        "allow": ["RESTART_COMPONENT", "SCALE_UP", "SCALE_DOWN"],
        "timeout_s": 5,
        "components": {"web": {"deployment": deployment, "namespace": "shop", "min_replicas": 2, "max_replicas": 6}},
    }
    return hand_of(settings | more, "cluster")


def action(kind="SCALE_UP", key="run-1:a:1", **parameters):
    """One action."""
    return Action(key=key, kind=ActionKind(kind), component="web", parameters=parameters)


def test_scaling_patches_the_replicas_and_notes_the_key(server, url):
    """One PATCH that changes nothing else; the outcome waits for the rollout."""
    outcome = hand(url).perform(action())
    (patch,) = server.patches
    assert patch["spec"] == {"replicas": 4}
    assert patch["metadata"]["annotations"] == {"faultline.local/scale-up": "run-1:a:1"}
    assert server.deployment["spec"]["template"]["metadata"]["annotations"] == {"kept": "yes"}
    assert outcome.detail == "cluster: scale deployment web from 2 to 4 replicas, verified"


def test_a_hand_that_was_made_anew_scales_no_second_time(server, url):
    """The note on the deployment tells, also where the factor alone could not."""
    hand(url).perform(action())
    assert hand(url).probe(action()) is True
    assert not hand(url).perform(action()).is_changed
    assert hand(url).probe(action(key="another")) is False
    assert server.deployment["spec"]["replicas"] == 4


def test_up_and_down_is_where_it_was(server, url):
    """With the same factor; what is there already is no change."""
    hand(url).perform(action(key="1", factor=3))
    hand(url).perform(action("SCALE_DOWN", key="2", factor=3))
    assert server.deployment["spec"]["replicas"] == 2
    assert not hand(url).perform(action(key="3", replicas=2)).is_changed
    assert hand(url).probe(action(key="4", replicas=2)) is True


@pytest.mark.parametrize(
    "parameters", [{"factor": 4}, {"replicas": 1}, {"replicas": 2.5}, {"replicas": True}, {"x": 1}]
)
def test_beyond_what_is_allowed_nothing_is_scaled(server, url, parameters):
    """It is refused in the dry run already."""
    for attempt in (hand(url).rehearse, hand(url).perform):
        with pytest.raises(PermanentError):
            attempt(action("SCALE_DOWN" if "replicas" in parameters else "SCALE_UP", **parameters))
    assert server.patches == []


def test_a_restart_is_an_annotation_of_the_pods(server, url):
    """As kubectl rollout restart does it; others' annotations stay."""
    assert hand(url).perform(action("RESTART_COMPONENT")).is_changed
    kept = server.deployment["spec"]["template"]["metadata"]["annotations"]
    assert kept["kept"] == "yes"
    assert kept["kubectl.kubernetes.io/restartedAt"]
    assert server.deployment["spec"]["replicas"] == 2
    assert not hand(url).perform(action("RESTART_COMPONENT")).is_changed


def test_a_dry_run_is_the_servers_own(server, url):
    """The server is asked with dryRun=All, so what it would refuse is known; it keeps nothing."""
    before = json.dumps(server.deployment)
    assert hand(url).rehearse(action()) == (
        "cluster would scale deployment web from 2 to 4 replicas; the API server accepts it"
    )
    assert json.dumps(server.deployment) == before
    assert server.patches == []


def test_a_conflict_is_computed_anew(server, url):
    """409: somebody else changed the deployment in between; after several it may pass later."""
    server.meddling = 2
    assert hand(url).perform(action()).is_changed
    server.meddling = 99
    with pytest.raises(TransientError, match="others keep changing the deployment web"):
        hand(url).perform(action(key="2", replicas=6))
    assert server.deployment["spec"]["replicas"] == 4


@pytest.mark.parametrize(
    ("status", "error"), [(400, PermanentError), (403, PermanentError), (422, PermanentError), (429, TransientError)]
)
def test_errors_of_the_server_are_told_by_their_number(server, url, status, error):
    """Those that may pass and those that do not."""
    server.troubles = [status]
    with pytest.raises(error, match=f"answers {status} for the deployment web"):
        hand(url).perform(action())
    assert server.patches == []


def test_a_rollout_that_does_not_complete_is_in_doubt(server, url):
    """It is patched, and the replicas do not come: neither done nor not done; a probe says that it is in place."""
    server.is_stuck = True
    asking = hand(url, timeout_s=0.5)
    with pytest.raises(InDoubtError, match="2 of 4 replicas are available"):
        asking.perform(action())
    assert asking.probe(action()) is True


def test_names_and_rights_are_checked(server, url):
    """A deployment that is not there, a token that is wrong, nobody at the address."""
    with pytest.raises(PermanentError, match="404 for the deployment other"):
        hand(url, deployment="other").perform(action())
    with pytest.raises(PermanentError, match="401") as caught:
        hand(url, token="wrong-secret").perform(action())
    assert "wrong-secret" not in str(caught.value)
    (port,) = real_peers.free_ports(1)
    with pytest.raises(TransientError, match="cannot be reached"):
        hand(f"http://127.0.0.1:{port}").perform(action())
    with pytest.raises(PermanentError, match="no access to the cluster"):
        hand("", kubeconfig="/no/such/file").perform(action())


def test_what_it_cannot_do_is_refused_on_load():
    """Isolation is nothing that a deployment has."""
    with pytest.raises(ValueError, match="it cannot do ISOLATE_COMPONENT; it can do RESTART_COMPONENT"):
        hand("http://127.0.0.1:1", allow=["ISOLATE_COMPONENT"])
