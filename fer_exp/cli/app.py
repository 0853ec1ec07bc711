"""The application, and how errors reach a person.

In: a command's function. Out: the same, with every foreseen error told in two lines on standard error and its exit
code, and an unforeseen one in two lines as well; the traceback is for `-vv`.
"""

import errno
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from fer_exp import __version__
from fer_exp.cli.help import ABOUT, Grouped
from fer_exp.system.errors import BROKEN_DISK, FULL_DISK, BadInput, ExitCode, FerExpError, Interrupted
from fer_exp.system.files import is_broken
from fer_exp.system.passwords import without_passwords
from fer_exp.system.surroundings import require_backend, require_working_folder, settle

app = typer.Typer(
    name="fer-exp",
    cls=Grouped,
    help="Hyperparameter campaigns on facial-expression recognition. `fer-exp COMMAND --help` has an example of each.",
    epilog="Exit codes: 0 done, 1 defect, 2 bad input, 3 not better, 4 trials fail, 5 MLflow, 6 busy, 7 disk full, "
    "8 findings left, 9 disk failed, 10 export not equal, 75 stopped (the same command resumes).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Twice (-vv) shows tracebacks.")]
TRACEBACKS_FROM = 2  # times -v


def command(
    target: typer.Typer, name: str, about: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds a function to `target` as a command; it must take `verbose`.

    Args:
        target: The application, or a group of commands in it.
        name: Of the command.
        about: Its key in the help, where another group has a command of that name.
    """
    told = ABOUT[about or name]

    def add(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, **options: Any) -> None:
            try:
                require_working_folder()
                function(*args, **options)
            except typer.Exit:  # how a command gives its exit code; a RuntimeError, and no defect
                raise
            except FerExpError as error:
                _fail(error.problem, error.remedy, error.exit_code, options["verbose"])
            except KeyboardInterrupt:
                _fail("stopped", "What was complete is kept; the same command goes on.", Interrupted.exit_code, 0)
            except BrokenPipeError:  # whoever read our output has enough, as `head`
                _leave_quietly()
            except OSError as error:
                _fail(f"the operating system refused: {error}", *_blame(error), options["verbose"])
            except Exception as error:  # told like any error, shown whole with -vv
                _fail(*_explain(error), options["verbose"])

        return target.command(name, short_help=told.line, epilog=f"Example: {told.example}")(run)

    return add


def _leave_quietly() -> NoReturn:
    """Ends as a program that is killed by SIGPIPE does, without a word; Python would write into the pipe once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(128 + signal.SIGPIPE)


_INSTALL = (
    "Nothing was changed. Install fer-exp again with all that it needs: make setup, or pip install . in its folder."
)
_DEFECT = "Records are never left half written, so the same command may be given again. -vv shows where it failed."
_CLOSED = "All that was complete is kept. Mend the path or its permissions; FER_EXP_HOME names the folder written to."
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_ENTRY = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.ELOOP),
)


def _blame(error: OSError) -> tuple[str, ExitCode]:
    """What to do about it, and whose matter it is: the disk's, the user's, or a defect."""
    if error.errno in _NO_SPACE:
        return FULL_DISK, ExitCode.NO_SPACE
    if is_broken(error):
        return BROKEN_DISK, ExitCode.DISK_FAILED
    home = os.environ.get("FER_EXP_HOME", "")
    of_home = error.errno == errno.ENOENT and home and str(error.filename).startswith(home)
    return (_CLOSED, ExitCode.BAD_INPUT) if error.errno in _NO_ENTRY or of_home else (_DEFECT, ExitCode.DEFECT)


def _explain(error: Exception) -> tuple[str, str, ExitCode]:
    """What nobody foresaw: Keras's backend cannot be loaded, a package is missing, or a defect of fer-exp."""
    from fer_exp.system.values import first_line

    try:
        require_backend()
    except BadInput as refusal:
        return refusal.problem, refusal.remedy, refusal.exit_code
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("fer_exp"):
        return f"the Python package {error.name!r} is not installed", _INSTALL, ExitCode.BAD_INPUT
    return f"unforeseen {type(error).__name__}: {first_line(error)}", _DEFECT, ExitCode.DEFECT


def _fail(problem: str, remedy: str, code: ExitCode, verbose: int) -> NoReturn:
    if verbose >= TRACEBACKS_FROM:
        sys.stderr.write(without_passwords(traceback.format_exc()))
    first = problem.splitlines()[0] if problem else "no reason given"
    typer.echo(f"fer-exp: {first}", err=True)
    typer.echo(f"         {remedy}", err=True)
    raise typer.Exit(int(code))


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fer-exp {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hyperparameter campaigns on facial-expression recognition."""


def main() -> None:
    """Entry of the `fer-exp` command."""
    settle()
    app(prog_name="fer-exp")
    sys.exit(0)
