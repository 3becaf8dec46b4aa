"""The command line: thin commands over the same functions that the API and Python use.

Nothing heavy is imported here: ``faultline --help`` must answer at once.

Exit codes: 0 done; 1 a check found something wrong (``audit verify``); 2 the input, a setting or the usage is wrong
(the message says what and how to mend it); 130 interrupted with Ctrl-C.
"""

import sys

import typer

from models.errors import FaultlineError
from service.commands import (
    actions,
    actuators,
    audit,
    backtest,
    bench,
    checks,
    degradation,
    detect,
    diagnose,
    feedback,
    patterns,
    rules,
    run,
    simulate,
    strategies,
    topology,
    train,
    train_ranker,
)

app = typer.Typer(
    name="faultline",
    help="Learn what normal looks like, notice when a system leaves it, name the root cause, repair what is allowed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("simulate")(simulate.simulate)
app.command("train")(train.train)
app.command("train-ranker")(train_ranker.train_ranker)
app.command("detect")(detect.detect)
app.command("feedback")(feedback.feedback)
app.command("backtest")(backtest.backtest)
app.command("diagnose")(diagnose.diagnose)
app.command("patterns")(patterns.patterns)
app.add_typer(actions.app, name="actions")
app.add_typer(actuators.app, name="actuators")
app.add_typer(audit.app, name="audit")
app.add_typer(bench.app, name="bench")
app.add_typer(strategies.boundaries, name="boundaries")
app.add_typer(checks.app, name="checks")
app.add_typer(degradation.app, name="degradation")
app.add_typer(rules.app, name="rules")
app.add_typer(strategies.app, name="strategies")
app.add_typer(topology.app, name="topology")


def main() -> None:
    """Run the command line and turn expected errors into one message and an exit code."""
    try:
        app()
    except FaultlineError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output went away, as in `faultline ... | head`
            sys.stderr.close()
            sys.exit(0)
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"error: {where}{error.strerror or error}. Remedy: check the path and who may use it.", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
