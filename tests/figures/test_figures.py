"""Figures say what they show, show what they say, hide no text behind text, and leave nothing behind in the process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from fer_exp import figures
from fer_exp.campaign import Direction, Objective
from fer_exp.campaign.space import dimensions
from fer_exp.data.faces import Images
from fer_exp.leaderboard.importance import importance
from fer_exp.leaderboard.rows import Row, leaderboard
from fer_exp.metrics.scores import score
from fer_exp.metrics.temperature import tempered
from fer_exp.records import Predictions, State, records_in
from tests.made_records import SPACE, made_campaign, made_history, made_predictions, made_record

ACCURACY = Objective()
COUNT = 700
PREDICTIONS = made_predictions(COUNT)
TEMPERED = Predictions(PREDICTIONS.labels, tempered(PREDICTIONS.probabilities, 1.5), PREDICTIONS.rows)
SCORES = score(PREDICTIONS.labels, PREDICTIONS.probabilities)


def faces(count: int = COUNT) -> Images:
    """Images that can be told apart: the i-th is grey i modulo 251."""
    grey = (np.arange(count) % 251).astype(np.uint8)
    return np.broadcast_to(grey[:, None, None], (count, 48, 48))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder = made_campaign(tmp_path_factory.mktemp("figures") / "made", 10)
    made_record(folder / "trials", 11, state=State.FAILED, reason="the loss became NaN")
    return leaderboard(records_in(folder / "trials"), ACCURACY)


def title(figure: Figure) -> str:
    return figure.get_suptitle()


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts if text.get_text()]


def visible_texts(figure: Figure) -> Iterator[Text]:
    beyond = {id(label) for axes in figure.axes for label in labels_beyond_the_axes(axes)}
    for found in figure.findobj(Text):
        if isinstance(found, Text) and found.get_visible() and found.get_text().strip() and id(found) not in beyond:
            yield found


def labels_beyond_the_axes(axes: Axes) -> Iterator[Text]:
    """Tick labels that exist but are not drawn, as their place lies outside the limits."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
            if not low <= place <= high or not axes.axison:
                yield label


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes cover one another by more than a pixel, after the layout has settled."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent().padded(-1.0)) for text in visible_texts(figure)]
    boxes = [(name, box) for name, box in boxes if box.width > 0 and figure.bbox.overlaps(box)]
    return [(a, b) for i, (a, one) in enumerate(boxes) for b, other in boxes[i + 1 :] if one.overlaps(other)]


DRAWINGS: dict[str, Callable[[list[Row]], Figure]] = {
    "confusion": lambda _: figures.confusion_figure(SCORES),
    "classes": lambda _: figures.class_figure(SCORES),
    "confidence": lambda _: figures.confidence_figure(PREDICTIONS, SCORES),
    "calibration": lambda _: figures.calibration_figure(PREDICTIONS, TEMPERED, 1.5),
    "mistakes": lambda _: figures.mistakes_figure(PREDICTIONS, faces()),
    "curves": lambda _: figures.curves_figure(made_history(62)),
    "history": lambda rows: figures.history_figure(rows, ACCURACY, "made"),
    "parallel": lambda rows: figures.parallel_figure(rows, dimensions(SPACE), ACCURACY, "made"),
    "importance": lambda rows: figures.importance_figure(importance(rows, dimensions(SPACE), ACCURACY), "made"),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_covers_another_and_all_of_it_is_on_the_page(name: str, rows: list[Row]) -> None:
    figure = DRAWINGS[name](rows)
    assert overlaps(figure) == []
    page = figure.bbox.padded(1.0)
    drawn = (text for text in (*figure.texts, *(axes.title for axes in figure.axes)) if text.get_text())
    assert all(page.x0 <= (box := text.get_window_extent()).x0 and box.x1 <= page.x1 for text in drawn)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_saved_figure_is_a_png_of_its_size_and_the_same_bytes_every_time(
    name: str, rows: list[Row], tmp_path: Path
) -> None:
    for attempt in ("a.png", "b.png"):
        figures.save(DRAWINGS[name](rows), tmp_path / attempt)
    data = (tmp_path / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert data == (tmp_path / "b.png").read_bytes()
    assert b"tEXt" not in data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert pyplot.get_fignums() == []


def test_titles_with_the_longest_campaign_name_stay_on_the_page(rows: list[Row]) -> None:
    name = "n" * 40 + "-" + "n" * 39
    found = importance(rows, dimensions(SPACE), ACCURACY)
    drawn = (
        figures.history_figure(rows, ACCURACY, name),
        figures.parallel_figure(rows, dimensions(SPACE)[:2], ACCURACY, name),
        figures.importance_figure(found, name),
    )
    for figure in drawn:
        figure.draw_without_rendering()
        box = figure.texts[0].get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert overlaps(figure) == []


def test_the_confusion_figure_shows_counts_beside_shares_of_each_row() -> None:
    left, right = figures.confusion_figure(SCORES).axes
    counts = np.array(SCORES.confusion)
    assert [int(text) for text in texts(left)] == counts.ravel().tolist()
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert [float(text) for text in texts(right)] == pytest.approx(shares.ravel(), abs=0.0051)
    assert f"n = {COUNT}" in title(figures.confusion_figure(SCORES))


def test_an_emotion_without_images_leaves_an_empty_row_not_a_crash() -> None:
    few = Predictions(np.array([3, 3], np.uint8), np.eye(7, dtype=np.float32)[[3, 0]], np.arange(2))
    scores = score(few.labels, few.probabilities)
    right = figures.confusion_figure(scores).axes[1]
    assert texts(right).count("0.00") == 47
    assert "n = 0" in figures.class_figure(scores).axes[0].get_xticklabels()[1].get_text()
    assert len(figures.confidence_figure(few, scores).axes) == 2


def test_the_class_figure_has_three_bars_an_emotion_with_their_values() -> None:
    axes = figures.class_figure(SCORES).axes[0]
    assert len(axes.patches) == 21
    assert sorted({round(bar.get_height(), 6) for bar in axes.patches if hasattr(bar, "get_height")}) == sorted(
        {round(value, 6) for row in SCORES.per_class for value in (row.precision, row.recall, row.f1)}
    )


def test_the_curves_mark_the_epoch_whose_weights_are_kept() -> None:
    history = made_history(30)
    best = max(history, key=lambda epoch: epoch.val_accuracy)
    figure = figures.curves_figure(history)
    marked = [line for line in figure.axes[1].lines if line.get_label() == "Best epoch"]
    assert np.asarray(marked[0].get_xydata()).tolist() == [[best.epoch, best.val_accuracy]]
    assert (
        title(figure)
        == f"Training curves (30 epochs; best is {best.epoch}, with {100 * best.val_accuracy:.2f} % on validation)"
    )


def test_curves_of_a_single_epoch_are_visible_points() -> None:
    line = figures.curves_figure(made_history(1)).axes[0].lines[0]
    assert line.get_marker() == "o"


def test_curves_without_an_epoch_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one epoch"):
        figures.curves_figure([])


def test_the_calibration_figure_shows_both_sides_with_their_calibration_errors() -> None:
    left, right = figures.calibration_figure(PREDICTIONS, TEMPERED, 1.5).axes
    after = score(TEMPERED.labels, TEMPERED.probabilities).ece
    assert left.get_title() == f"Before (ECE {SCORES.ece:.3f}, 15 bins)"
    assert right.get_title() == f"After (ECE {after:.3f}, 15 bins)"


def test_the_mistakes_are_the_24_surest_in_order() -> None:
    images = faces()
    figure = figures.mistakes_figure(PREDICTIONS, images)
    confidence = PREDICTIONS.probabilities.max(axis=1)
    wrong = PREDICTIONS.probabilities.argmax(axis=1) != PREDICTIONS.labels
    expected = [i for i in np.argsort(-confidence, kind="stable") if wrong[i]][:24]
    shown = [image for axes in figure.axes for image in axes.images if isinstance(image, AxesImage)]
    arrays = [image.get_array() for image in shown]
    assert [int(array[0, 0]) for array in arrays if array is not None] == [int(images[i, 0, 0]) for i in expected]
    assert f"24 of {int(wrong.sum())}" in title(figure)


def test_without_mistakes_the_sheet_says_so() -> None:
    right = Predictions(np.arange(7, dtype=np.uint8), np.eye(7, dtype=np.float32), np.arange(7))
    figure = figures.mistakes_figure(right, faces(7))
    assert title(figure) == "No mistakes (n = 7)"
    assert overlaps(figure) == []


def test_images_that_are_not_those_of_the_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images: expected 700, received 10"):
        figures.mistakes_figure(PREDICTIONS, faces(10))


def test_the_history_shows_the_best_so_far_in_the_direction_of_the_objective(rows: list[Row]) -> None:
    for direction, pick in ((Direction.MAX, max), (Direction.MIN, min)):
        objective = Objective(metric="val/accuracy", direction=direction)
        axes = figures.history_figure(rows, objective, "made").axes[0]
        line = next(line for line in axes.lines if line.get_label() == "Best so far")
        trials = [row.objective for row in rows if row.objective is not None and row.number]
        assert np.asarray(line.get_ydata())[-1] == pick(trials)
    assert title(figures.history_figure(rows, ACCURACY, "made")).endswith("(10 finished trials, 1 failed)")


def test_a_campaign_in_which_nothing_has_finished_has_a_history_and_no_parallel_coordinates() -> None:
    assert "(0 finished trials)" in title(figures.history_figure([], ACCURACY, "made"))
    with pytest.raises(ValueError, match="finished trial"):
        figures.parallel_figure([], dimensions(SPACE), ACCURACY, "made")


def test_parallel_coordinates_put_the_best_trial_on_top_and_unused_hyperparameters_below(rows: list[Row]) -> None:
    axes = figures.parallel_figure(rows, dimensions(SPACE), ACCURACY, "made").axes[0]
    best = next(line for line in axes.lines if str(line.get_label()).startswith("Best"))
    assert str(best.get_label()) == f"Best: trial {rows[0].number}, {rows[0].objective:.4f}"
    assert np.asarray(best.get_ydata())[-1] == 1.0
    assert "not used" in texts(axes)


def test_trials_that_all_score_the_same_can_still_be_drawn(rows: list[Row]) -> None:
    same = [row.model_copy(update={"objective": 0.6}) for row in rows if row.objective is not None]
    assert figures.parallel_figure(same, dimensions(SPACE), ACCURACY, "made").axes
