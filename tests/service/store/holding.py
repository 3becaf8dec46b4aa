"""Runs in the hands of a made-up instance, for tests of the store."""

from service.custody import Change, Holder

HOLDER = Holder(instance="local", life="first", lease_s=30.0)


def save(store, run, holder=HOLDER, **change):
    """Keep a run as an instance that holds it would; gives whether requests wait."""
    store.ask(run)
    held = store.claim(holder, run.id)
    return None if held is None else store.save(run, Change(**change), holder, held.fence)
