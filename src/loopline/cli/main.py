"""The command line's door: commands are loaded when they are called, and errors become one line with the remedy."""

from __future__ import annotations

import json
import logging
import os
import sys
from importlib.metadata import version

import click

from loopline.cli.lazy import LazyGroup
from loopline.cli.memory import keep_freed
from loopline.errors import LooplineError

# From a command to its module and its line in the help, so that the help loads none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a loopline.yaml for a data file, or for a kind of problem."),
    "run": ("run", "Take the loop round as far as the evidence allows."),
    "up": ("up", "The server, the scheduler and the monitors in one command."),
    "pages": ("pages", "What every stakeholder sees, in a browser."),
    "report": ("report", "The whole loop as one file, for mail and archives."),
    "tick": ("tick", "One turn for a scheduler."),
    "status": ("status", "Show the loop, stage by stage."),
    "demo": ("demo", "The whole loop on a year of New York flights."),
    "charter": ("charter", "The study: what is at stake, go or no-go."),
    "data": ("data", "Tables, deliveries and the quarantine."),
    "model": ("model", "Candidates and packages."),
    "release": ("release", "Gates, approvals, the champion and the way back."),
    "serve": ("serve", "Serve the champion over HTTP."),
    "access": ("access", "Who may call the server, and who signs in to the pages."),
    "score": ("score", "Score a file with the champion."),
    "watch": ("watch", "Windows of what was served."),
    "alerts": ("alerts", "What the monitors have raised."),
    "value": ("value", "What the model earns, and what to do about it."),
    "ci": ("ci", "Pipelines for models, and what they run."),
    "ledger": ("ledger", "Every fact, and whether the chain is intact."),
    "gc": ("gc", "Free what nothing needs any more, and say what it was."),
    "schema": ("schema", "The JSON schema of loopline.yaml, for editors."),
    "completion": ("completion", "Completion for your shell."),
}


def _say_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"loopline {version('loopline')}")
        ctx.exit()


@click.group(cls=LazyGroup, found=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_say_version, help="Print the version.")
def command() -> None:
    """The whole life of a machine-learning product as one loop.

    charter -> data -> model -> release -> serve -> watch -> value -> (charter again)

    Start with: loopline init DATA --target COLUMN, then loopline run. Or look first: loopline demo.
    """


def main() -> None:
    """Run the command line, and end the process with its exit code."""
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(message)s")
    if sys.argv[1:2] not in (["serve"], ["up"], ["pages"]):
        # A server lives long, and should give back what it does not need.
        keep_freed()
    try:
        code = command.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("loopline: stopped; what was done is kept, the same command goes on from here", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except LooplineError as error:
        _end(error)
    except Exception as error:
        if os.environ.get("LOOPLINE_DEBUG") and not isinstance(error, OSError):
            raise
        from loopline.lake.unexpected import in_words

        _end(in_words(error))


def _end(error: LooplineError) -> None:
    """Say one line on standard error (and as JSON where that was asked for), and end."""
    if "--json" in sys.argv:
        click.echo(json.dumps({"error": {"what": error.what, "where": error.where, "remedy": error.remedy}}, ensure_ascii=False))
    click.echo(f"loopline: {' '.join(str(error).split())}", err=True)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
