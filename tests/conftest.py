"""What every test shares: a clean environment, a home of its own, and the real FER2013 where it is at hand.

In: the environment of whoever runs the tests. Out: fixtures. The environment is set here, at import, because
TensorFlow, Keras and MLflow read it when they are first imported, which may be while pytest collects.
"""

import functools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from fer_exp.data.faces import Faces
from fer_exp.system.home import Home

CHECKOUT = Path(__file__).resolve().parent.parent
# FER_EXP_DATA is for the fixture `fer2013` alone: the product must not find it, but processes of pytest-xdist must.
GIVEN_DATA = os.environ.setdefault("TESTS_FER2013", os.environ.pop("FER_EXP_DATA", ""))
FER2013_FILES = ("fer2013.csv.gz", "fer2013.parquet")

for _name in [name for name in os.environ if name.startswith(("MLFLOW_", "FER_EXP_"))]:
    del os.environ[_name]  # the user's tracking server and home are not for tests
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: more threads than one would only wait
    for _name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

# What a shell starts in the background ignores Ctrl-C, and so would every command that a test starts and stops.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Laptops pause and disks stall: how long an example took says nothing about it. pytest's timeout catches what hangs.
settings.register_profile("fer-exp", deadline=None)
settings.load_profile("fer-exp")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, the longest before the others: no core waits for one of them at the end.

    A test that may take long says so by its timeout.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    patience: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        patience[item.path] = max(patience.get(item.path, 0.0), marker.args[0] if marker else 0.0)
    items.sort(key=lambda item: (item.path not in slow, -patience[item.path]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a process to end, a server to answer or a link to be cut."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def fer2013() -> Path:
    """The folder that holds the real FER2013 as `fer2013.csv.gz` and `fer2013.parquet`; skips where there is none."""
    folder = Path(GIVEN_DATA) if GIVEN_DATA and Path(GIVEN_DATA).is_dir() else CHECKOUT.parent / "shared" / "data"
    missing = [name for name in FER2013_FILES if not (folder / name).is_file()]
    if missing:
        pytest.skip(f"FER2013 is not at hand: no {' and no '.join(missing)} in FER_EXP_DATA or ../shared/data")
    return folder


@pytest.fixture(scope="session", autouse=True)
def faces_drawn_once() -> Iterator[None]:
    """The demo's faces are the same each time: a process draws them once, and whoever wrote into them would be told.

    What a test module has imported by name before, as the tests of the drawing do, stays the drawing itself.
    """
    from fer_exp.data.sources import demo

    draw = demo.draw_faces

    @functools.cache
    def drawn(seed: int = 1) -> Faces:
        faces = draw(seed)
        for array in (faces.images, faces.labels, faces.usage):
            array.flags.writeable = False
        return faces

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "draw_faces", drawn)
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of the test's own; `FER_EXP_HOME` names it, so child processes and the command find it too."""
    root = tmp_path / "mlruns"
    monkeypatch.setenv("FER_EXP_HOME", str(root))
    return Home(root)


@pytest.fixture(scope="session")
def mlflow_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file that MLflow has migrated, for tests to copy: the migration takes seconds."""
    from fer_exp.tracking.store import connect  # late: most tests need no MLflow

    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mlflow-migrated"  # one for all processes
    connect(Home(root))  # whoever comes second waits for the first
    return root / "mlflow.db"


@pytest.fixture
def mlflow_home(home: Home, mlflow_db: Path) -> Home:
    """An empty home whose MLflow store exists and holds nothing."""
    home.root.mkdir(parents=True)
    shutil.copyfile(mlflow_db, home.root / "mlflow.db")
    return home


@pytest.fixture
def shown(mlflow_home: Home) -> Home:
    """A home with a finished baseline, a failed trial and one in training, and an empty MLflow."""
    from tests.tracked import begin_one_of_each  # late: it needs MLflow

    begin_one_of_each(mlflow_home)
    return mlflow_home


@pytest.fixture(scope="session")
def tiny_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.py and, in `mlruns`, what `search tiny.py` and `retrain-best tiny --seeds 2` left."""
    from tests.commands import done, quick_trials, write_campaign  # late: most tests need no command

    folder = tmp_path_factory.mktemp("made")
    file = write_campaign(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_EXP_HOME", str(folder / "mlruns"))
        quick_trials(patch)
        done("search", file, "--no-tracking")
        done("retrain-best", "tiny", "--seeds", 2, "--no-baseline", "--no-tracking")
    return folder


@pytest.fixture(scope="session")
def toy_made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with one real training on drawn faces, as `tests/made_models.py` says; for reading only."""
    from tests.trained_models import made_model  # late: it needs Keras

    made = Home(tmp_path_factory.mktemp("toy") / "mlruns")
    made_model(made)
    return made


@pytest.fixture
def searched(home: Home, tiny_made: Path) -> Home:
    """A home of the test's own in which `tiny` was searched and retrained."""
    shutil.copytree(tiny_made / "mlruns", home.root)
    return home


@pytest.fixture
def tiny_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The campaign file of `tiny`; trials are quick."""
    from tests.commands import quick_trials, write_campaign

    quick_trials(monkeypatch)
    return write_campaign(tmp_path)


@pytest.fixture
def searched_file(tiny_made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The campaign file that `searched` was searched by; trials are quick."""
    from tests.commands import quick_trials

    quick_trials(monkeypatch)
    return tiny_made / "tiny.py"
