"""Pages of the site that are made while it is built: one for each command, and one for each notebook.

In: the command line's own help, and the notebooks as they are committed. Out: Markdown for MkDocs, which calls the
functions `on_...`. Nothing is copied by hand, so nothing goes stale; links that leave `docs` become plain names.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

from fer_exp.cli import app
from fer_exp.cli.help import ABOUT, GROUPS

SHIM = "https://unpkg.com/iframe-worker/shim"  # the theme's
WORKER = "assets/worker-from-disk.js"
DOCS = Path(__file__).resolve().parent.parent
OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!decisions/|figures/|guide/|[a-z-]+\.md)[^)\s]+\)")
MORE = {  # where a command is explained: its guide first, then what lies behind it
    "init": ("campaigns", "recipes"),
    "search": ("guide/search", "campaigns", "concepts", "reliability", "scaling"),
    "status": ("guide/mlflow",),
    "ui": ("guide/mlflow",),
    "sync": ("guide/mlflow", "reliability"),
    "retrain-best": ("guide/retrain-best", "verdict", "reliability"),
    "evaluate": ("guide/evaluate", "concepts", "calibration"),
    "compare": ("guide/compare", "verdict"),
    "ensemble": ("ensembles", "verdict"),
    "report": ("report",),
    "reproduce": ("report",),
    "predict": ("predict",),
    "app": ("predict",),
    "export": ("export",),
    "replay": ("replay",),
    "baseline": ("guide/baseline", "reproduction", "concepts"),
    "fetch": ("datasets",),
    "check": ("datasets",),
    "convert": ("datasets",),
    "audit": ("audit",),
    "cluster check": ("scaling",),
    "doctor": ("guide/care", "reliability"),
    "pack": ("guide/care", "reliability"),
    "unpack": ("guide/care", "reliability"),
    "delete": ("guide/care",),
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages that are found, and not written down, into the navigation: a guide comes behind the others."""
    decisions = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    found = {
        "Commands": ["commands/index.md", *(f"commands/{slug(path)}.md" for path, _ in commands())],
        "Decisions": ["decisions/README.md", *(f"decisions/{name}" for name in decisions)],
    }
    written = str(config.nav)
    found["Guide"] = sorted(path.name for path in DOCS.glob("*.md") if f"'{path.name}'" not in written)
    for entry in config.nav or []:
        if isinstance(entry, dict):
            entry.update({title: [*(entry[title] or []), *pages] for title, pages in found.items() if title in entry})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of commands and notebooks."""
    pages = {f"commands/{slug(path)}.md": command_page(path, command) for path, command in commands()}
    pages["commands/index.md"] = command_list()
    for book in sorted(DOCS.glob("notebooks/*.ipynb")):
        pages[f"notebooks/{book.stem}.md"] = notebook_page(book)
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    files.append(File.generated(config, WORKER, abs_src_path=str(DOCS / "site" / "worker-from-disk.js")))
    return files


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """The theme would fetch what the search needs on pages opened from disk; ours lies in the site."""
    return output.replace(f'src="{SHIM}"', f'src="{get_relative_url(WORKER, page.url)}"')


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """The same for the page of addresses that do not exist."""
    return (
        output_content.replace(f'src="{SHIM}"', f'src="/{WORKER}"') if template_name == "404.html" else output_content
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to files beside `docs` lead nowhere in a site: their text stays."""
    return OUTSIDE.sub(r"`\1`", markdown)


# -- commands


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by what is typed after `fer-exp`, in the order of the help."""
    root: Any = typer.main.get_command(app)
    for group in GROUPS.values():
        for name in group:
            command = root.commands.get(name)
            if command is None:
                continue
            below = getattr(command, "commands", None)
            if below is None:
                yield name, command
                continue
            yield from ((f"{name} {inner}", below[inner]) for inner in ABOUT if inner in below)


def slug(path: str) -> str:
    """The file name of a command's page."""
    return path.replace(" ", "-")


def key(path: str) -> str:
    """What a command is called in the help's table: by its own name, or with its group's where two have one name."""
    return path if path in ABOUT else path.rpartition(" ")[2]


def command_page(path: str, command: Any) -> str:
    """Usage, example, arguments and options of one command."""
    name = key(path)
    context = command.make_context(path, [], resilient_parsing=True)
    usage = " ".join([f"fer-exp {path}", *command.collect_usage_pieces(context)])
    lines = [f"# fer-exp {path}", "", (command.help or "").strip(), "", "```sh", f"{ABOUT[name].example}", "```", ""]
    lines += ["Usage:", "", "```text", usage, "```", ""]
    for title, kind in (("Arguments", "argument"), ("Options", "option")):
        rows = [one for one in command.params if one.param_type_name == kind and not one.hidden]
        if rows:
            lines += [f"## {title}", "", "| name | meaning |", "|---|---|"]
            lines += [_row(one, context) for one in rows]
            lines.append("")
    lines += ["Exit codes are those of [all commands](index.md#exit-codes)."]
    guide, *more = MORE[name]
    lines += ["", f"Guide: [{guide.removeprefix('guide/')}](../{guide}.md)."]
    if more:
        lines += ["", "More: " + ", ".join(f"[{page}](../{page}.md)" for page in more) + "."]
    return "\n".join(lines) + "\n"


def _row(parameter: Any, context: Any) -> str:
    """A parameter as the command's own help shows it."""
    shown, meaning = parameter.get_help_record(context)
    return f"| `{shown}` | {_cell(meaning)} |"  # within backticks a bar is no border


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def command_list() -> str:
    """All commands in their groups, and the exit codes."""
    lines = ["# Commands", ""]
    paths = {key(path): path for path, _ in commands()}
    for title, group in GROUPS.items():
        named = [(paths[name], about.line) for name, about in group.items() if name in paths]
        rows = [f"| [fer-exp {path}]({slug(path)}.md) | {_cell(line)} |" for path, line in named]
        lines += [f"## {title}", "", "| command | does |", "|---|---|", *rows, ""]
    codes = (app.info.epilog or "").removeprefix("Exit codes: ").rstrip(".")
    lines += ["## Exit codes", "", *(f"- {code.strip()}" for code in re.split(r"[,;] (?=\d)", codes)), ""]
    return "\n".join(lines)


# -- notebooks


def notebook_page(book: Path) -> str:
    """A notebook as a page: its texts, and its code as blocks."""
    cells = json.loads(book.read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    where = f"The notebook itself: [{book.name}]({book.name}). It is executed, cell by cell, by the tests."
    return "\n\n".join([parts[0], where, *parts[1:]]) + "\n"
