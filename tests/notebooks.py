"""Notebooks in a kernel of their own: made, executed, read.

In: cells, or a notebook's file. Out: the same with outputs. The kernel runs in the process's environment.
"""

from pathlib import Path
from typing import Any

import nbclient
import nbformat

TIMEOUT = 900  # seconds a cell; a few trainings on whatever is left of the machine


def notebook_of(*cells: str) -> Any:
    """A notebook of code cells."""
    return nbformat.from_dict(  # type: ignore[no-untyped-call]  # published without types
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "cells": [
                {"id": f"cell-{n}", "cell_type": "code", "source": text, "metadata": {}, "outputs": []}
                | {"execution_count": None}
                for n, text in enumerate(cells)
            ],
        }
    )


def executed(book: Any, folder: Path | None = None) -> Any:
    """The notebook with the outputs of all its cells, executed in `folder`; a cell that raises is an error."""
    resources = {} if folder is None else {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(book, timeout=TIMEOUT, kernel_name="python3", resources=resources).execute()
    return book


def outputs_of(cell: Any, kind: str) -> list[Any]:
    """The outputs of one kind: `stream`, `display_data`, `execute_result`, `error`."""
    return [output for output in cell.outputs if output.output_type == kind]
