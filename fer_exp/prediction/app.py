"""A page to try models on: a picture or the webcam in, boxes, bars and heat maps out, one column a model.

In: one or two models that were loaded, and how faces are found. Out: a gradio server on this machine. Nothing leaves
the machine: analytics, sharing and everything that gradio would fetch are off, and pictures that were uploaded are
deleted when the server ends. gradio is the extra `app`.
"""

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fer_exp.data.classes import title_of_class
from fer_exp.data.faces import Images
from fer_exp.prediction.annotate import annotated
from fer_exp.prediction.api import Finding
from fer_exp.prediction.explain import evidence, heat
from fer_exp.prediction.inputs import sources
from fer_exp.prediction.meaning import MEANING, USE
from fer_exp.prediction.models import FaceModel
from fer_exp.prediction.run import Seen, Tally, look
from fer_exp.records import Record
from fer_exp.system.errors import BadInput
from fer_exp.system.stderr import stderr_to

HOST, PORT = "127.0.0.1", 7860
MOST_MODELS = 2
MASKS = 256  # of a heat map, so that a page answers within a second or two
LARGEST_UPLOAD = 2**26  # bytes
PAUSE = 0.1  # seconds between two looks whether the page is still served
TALL = 320  # pixels of each picture on the page
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_CHECK_VERSION": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
NO_FACE = "No face was found."
Shown = tuple[Images | None, dict[str, float] | None, Images | None, str]  # picture, bars, heat map, a sentence


def require_gradio() -> None:
    """Raises BadInput where gradio is not installed."""
    if find_spec("gradio") is None:
        raise BadInput(
            "app: expected the Python package gradio, found none",
            "Nothing was started. Install it: pip install 'fer-exp[app]'",
        )


def answer(picture: Images | None, model: FaceModel, finding: Finding, *, explain: bool) -> Shown:
    """What one model shows of a picture: drawn boxes, bars of the largest face, its heat map, a sentence.

    Args:
        picture: `(h, w, 3)` uint8 red, green, blue; None where there is none yet.
        model: Who answers.
        finding: How faces are found.
        explain: Whether a heat map is made, which takes as long as 256 answers.
    """
    if picture is None:
        return None, None, None, ""
    (seen,) = look(sources([picture]), finding.looking(), model, Tally(), keep_images=True)
    drawn = annotated(seen.frame.image, seen.faces, seen.probabilities, model.classes)
    if not seen.faces:
        return drawn, None, None, NO_FACE
    bars = {title_of_class(name): float(p) for name, p in zip(model.classes.names, seen.probabilities[0], strict=True)}
    others = f"; the bars are the largest's of {len(seen.faces)}" if len(seen.faces) > 1 else ""
    best = title_of_class(model.classes.names[int(seen.probabilities[0].argmax())])
    return drawn, bars, _heat(seen, model) if explain else None, f"Apparent expression: {best}{others}."


def _heat(seen: Seen, model: FaceModel) -> Images:
    face = np.asarray(seen.crops[0])
    label = int(seen.probabilities[0].argmax())
    return heat(face, evidence(face, model.probabilities, label, MASKS))


def mistakes(record: Record | None) -> list[tuple[str, str]]:
    """Pictures of a record's worst mistakes, each with a caption; of the test part where it was opened."""
    parts = {"figures": "on validation", "test/figures": "on test"}
    found = [] if record is None else [(record.path / part / "mistakes.png", told) for part, told in parts.items()]
    return [(str(path), f"Worst mistakes {told}") for path, told in found if path.is_file()]


def page(models: Sequence[FaceModel], records: Sequence[Record | None], finding: Finding) -> Any:
    """The page, as gradio's Blocks."""
    _settle()
    import gradio as gr

    with gr.Blocks(title="fer-exp", analytics_enabled=False) as blocks:
        gr.Markdown(f"# fer-exp\n{MEANING} {USE}", elem_id="meaning")
        with gr.Row():
            with gr.Column():
                picture = gr.Image(
                    sources=["upload", "webcam", "clipboard"],
                    type="numpy",
                    label="A picture",
                    elem_id="picture",
                    buttons=[],
                    height=TALL,
                )
                explain = gr.Checkbox(True, label="Show what speaks for the answer (red) and against it (blue)")
            for number, model in enumerate(models, start=1):
                _column(gr, model, number, picture, explain, finding)
        for model, record in zip(models, records, strict=True):
            if shown := mistakes(record):
                with gr.Accordion(f"Worst mistakes of {model.title}", open=False):
                    gr.Gallery(shown, columns=2, show_label=False, buttons=[])
    return blocks


def _column(gr: Any, model: FaceModel, number: int, picture: Any, explain: Any, finding: Finding) -> None:
    """A model's part of the page, which answers when the picture changes."""

    def say(image: Images | None, wanted: bool) -> Shown:
        return answer(image, model, finding, explain=wanted)

    with gr.Column():
        gr.Markdown(f"### {model.title}")
        drawn = gr.Image(label="Faces", interactive=False, buttons=[], format="png", height=TALL)
        told = gr.Markdown(elem_id=f"told-{number}")
        bars = gr.Label(label="Probability of each apparent expression", elem_id=f"bars-{number}")
        why = gr.Image(
            label="What speaks for it and against it", interactive=False, buttons=[], format="png", height=TALL
        )
    for changed in (picture.change, explain.change):
        changed(say, [picture, explain], [drawn, bars, why, told], show_progress="minimal", api_visibility="private")


def serve(
    models: Sequence[FaceModel],
    records: Sequence[Record | None],
    finding: Finding,
    host: str = HOST,
    port: int = PORT,
    *,
    say: Callable[[str], None],
) -> None:
    """Serves the page until Ctrl-C or SIGTERM; what was uploaded is deleted then.

    Args:
        models: One or two that answer.
        records: Of each, whose figures are shown; None where there is none.
        finding: How faces are found.
        host: The address to listen on; the default is of this machine alone.
        port: Where; another one is taken where it is busy.
        say: Takes lines for the user.

    Raises:
        BadInput: The address cannot be listened on.
    """
    free = port if _is_free(host, port) else _free_port(host)
    if free != port:
        say(f"Port {port} is busy; taking {free}.")
    figures = [str(Path(path).parent) for record in records for path, _ in mistakes(record)]
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # before the page is made, whose parts remember it
        with stderr_to():
            blocks = page(models, records, finding)
        # Each is said, because gradio would else ask its environment.
        _, address, _ = blocks.queue(max_size=32).launch(
            server_name=host,
            server_port=free,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            allowed_paths=figures,
            max_file_size=LARGEST_UPLOAD,
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            pwa=False,
            footer_links=[],
        )
        say(f"The page: {address}")
        say("Ctrl-C ends it. Pictures stay on this machine and are deleted when it ends.")
        for number in (signal.SIGINT, signal.SIGTERM):  # either way pictures are deleted
            signal.signal(number, signal.default_int_handler)
        try:
            while blocks.is_running:
                time.sleep(PAUSE)
        except KeyboardInterrupt:
            say("Ended.")
        finally:
            blocks.close(verbose=False)


def _settle() -> None:
    """Before gradio is imported, which reads these then."""
    require_gradio()
    os.environ.update(QUIET)
    spared = [name for name in (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost") if name]
    os.environ["NO_PROXY"] = ",".join(spared)  # gradio asks its own address whether it answers


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        try:
            found.bind((host, 0))
        except OSError as error:
            raise BadInput(
                f"--listen: expected an address of this machine, received {host!r} ({error.strerror or error})",
                "Nothing was started. Leave --listen out for this machine alone.",
            ) from error
        return int(found.getsockname()[1])
