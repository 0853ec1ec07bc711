"""Recipe: everything that changes a trained model except data and seed, as one frozen value.

In: fields, or JSON. Out: the same, checked. `baseline_recipe()` is the reference system's; a campaign's `space(hp)`
returns a changed copy, and nothing else reads hyperparameters.
"""

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from fer_exp.system.values import Value

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]  # a share of units, images or weight
Width = Annotated[int, Field(ge=1, le=4096)]  # channels or units
EFFECTIVE_NUMBER_BETA = 0.999  # Cui et al. 2019 try 0.9, 0.99, 0.999 and 0.9999


class Order(StrEnum):
    """Where batch normalisation stands in a convolution step."""

    ACTIVATION_FIRST = "conv-relu-bn"  # the reference's
    NORM_FIRST = "conv-bn-relu"  # the literature's


class Optimizer(StrEnum):
    """Update rules, each Keras's own."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"  # Nesterov momentum


class Schedule(StrEnum):
    """How the learning rate moves."""

    PLATEAU = "plateau"  # the reference's ReduceLROnPlateau on validation loss
    COSINE = "cosine"  # linear warm-up, then cosine to zero at the campaign's full number of epochs
    CONSTANT = "constant"


class Loss(StrEnum):
    """What training minimises, each Keras's own."""

    CROSS_ENTROPY = "cross-entropy"
    FOCAL = "focal"  # Lin et al. 2017: faces that are already told with certainty count less


class ClassWeights(StrEnum):
    """How much each class counts in the loss: from the labels as training sees them, oversampled; then clipped."""

    BALANCED = "balanced"  # scikit-learn's "balanced"
    EFFECTIVE_NUMBER = "effective-number"  # class-balanced loss, Cui et al. 2019
    NONE = "none"


class Precision(StrEnum):
    """What training multiplies in; weights, loss and probabilities are float32, and so is the whole kept model."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"  # Keras's mixed_bfloat16: faster where the processor or GPU multiplies it itself


class Views(StrEnum):
    """How often the kept model looks at a face before it answers; its answer is the mean over the views."""

    ONE = "one"
    FLIP = "flip"  # the face and its mirror image
    TEN_CROP = "ten-crop"  # four corners and the centre, each with its mirror image (Krizhevsky et al. 2012)


class Targets(StrEnum):
    """What training aims at."""

    LABEL = "label"
    VOTES = "votes"  # the share of annotators for each class (Barsoum et al. 2016); data without votes refuse it


class Augmentation(Value):
    """Random changes of training images, made by layers of the model; all off by default."""

    flip: bool = False  # left-right
    shift: Annotated[float, Field(ge=0.0, le=24.0)] = 0.0  # pixels, either way, both axes
    rotation: Annotated[float, Field(ge=0.0, le=180.0)] = 0.0  # degrees, either way
    zoom: Rate = 0.0  # share, either way
    contrast: Rate = 0.0  # share, either way
    erasing: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0  # probability that a rectangle is blanked


class Recipe(Value):
    """How a model is built and trained. Defaults are the reference system's, layer by layer and step by step."""

    # Lengths in pixels are those of a face of 48 pixels a side, and grow with the face where it is larger.
    # Network: centre crop; blocks of convolutions, each ended by 2x2 max-pooling; one more convolution; dense head.
    crop: Annotated[int, Field(ge=1, le=48)] = 48  # pixels a side that the network sees, behind all augmentation
    # From which share of the campaign's full epochs on faces are shown at how many pixels a side; the last is `crop`.
    sides: tuple[tuple[Rate, Annotated[int, Field(ge=1, le=48)]], ...] = ()
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=5)] = (32, 64, 128)  # channels per block
    convs_per_block: Annotated[int, Field(ge=1, le=8)] = 2
    last_width: Annotated[int, Field(ge=0, le=4096)] = 256  # convolution before global pooling; 0 leaves it out
    head_widths: tuple[Width, ...] = (128, 64)  # dense layers before the output
    order: Order = Order.ACTIVATION_FIRST
    mirror: bool = False  # filters in mirrored pairs: a face and its mirror image get the same answer
    norm_momentum: Rate = 0.99  # of batch normalisation's averages; a training of few steps needs a lower one
    block_dropout: Rate = 0.25  # after each pooling
    pooled_dropout: Rate = 0.5  # after global average pooling
    head_dropouts: tuple[Rate, ...] = (0.3, 0.2)  # after each dense layer of the head

    # Optimisation
    optimizer: Optimizer = Optimizer.ADAM
    learning_rate: Annotated[float, Field(gt=0.0, le=10.0)] = 1e-3
    momentum: Rate = 0.9  # SGD only
    weight_decay: Rate = 0.0  # decoupled, as Keras's optimizers apply it; not on biases and normalisation
    schedule: Schedule = Schedule.PLATEAU
    warmup_epochs: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0  # cosine only
    plateau_patience: Annotated[int, Field(ge=1)] = 8
    plateau_factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    stop_patience: Annotated[int, Field(ge=0)] = 15  # epochs without a better validation accuracy; 0 never stops
    stop_min_delta: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.001
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 32
    loss: Loss = Loss.CROSS_ENTROPY
    focal_gamma: Annotated[float, Field(ge=0.0, le=20.0)] = 2.0  # focal only; at 0 it is cross-entropy
    label_smoothing: Rate = 0.0
    precision: Precision = Precision.FLOAT32
    ema: Rate = 0.0  # decay of the average of weights that is kept, lower in the first steps; 0 keeps the last weights

    # Data, as training sees it
    targets: Targets = Targets.LABEL  # what the loss compares with: the label, or the annotators' shares
    distillation: Rate = 0.0  # share of a teacher's probabilities in what the loss compares with; 0 is off
    distillation_temperature: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0  # above 1 evens them out
    clahe: bool = True  # contrast-limited adaptive histogram equalisation, OpenCV's at 2.0 and 8x8 tiles
    oversampling: Annotated[float, Field(ge=0.0, le=100.0)] = 1.5  # target = ratio x median class count; 0 is off
    class_weights: ClassWeights = ClassWeights.BALANCED
    class_weight_range: tuple[float, float] = (0.7, 3.0)  # clip
    effective_number_beta: Rate = EFFECTIVE_NUMBER_BETA  # effective-number only; at 0 all classes count alike
    augmentation: Augmentation = Augmentation()
    mixup: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0  # alpha: a pair's shares are drawn from Beta(alpha, alpha)

    # The kept model's answer; changes nothing in training
    views: Views = Views.ONE
    calibrate: bool = False  # divide logits by the temperature that validation asks for (Guo et al. 2017)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.head_dropouts) != len(self.head_widths):
            raise ValueError(
                f"head_dropouts needs one value for each of head_widths: expected {len(self.head_widths)}, "
                f"received {len(self.head_dropouts)}"
            )
        low, high = self.class_weight_range
        if not 0.0 <= low <= high < math.inf:  # so that NaN is refused too
            raise ValueError(f"class_weight_range: expected (low, high), received ({low}, {high})")
        if self.crop < 2 ** len(self.widths):
            raise ValueError(
                f"crop: expected at least {2 ** len(self.widths)} pixels, because each of {len(self.widths)} blocks "
                f"halves the image, received {self.crop}"
            )
        self._refuse_sides()
        if self.mirror and (odd := [size for size in (*self.widths, self.last_width, self.crop) if size % 2]):
            raise ValueError(
                "mirror: expected an even number for crop, last_width and each of widths, because filters come in "
                f"pairs and the crop has a centre, received {odd[0]}"
            )
        return self

    def _refuse_sides(self) -> None:
        shares, sides = ([step[place] for step in self.sides] for place in (0, 1))
        least = 2 ** len(self.widths)
        rises = shares == sorted(set(shares)) and sides == sorted(set(sides))
        if self.sides and not (rises and shares[0] == 0 and sides[0] >= least and sides[-1] == self.crop):
            raise ValueError(
                f"sides: expected shares that rise from 0 and pixels that rise from {least} or more to the crop of "
                f"{self.crop}, received {', '.join(f'{share:g}: {side}' for share, side in self.sides)}"
            )

    def side_at(self, epoch: int, horizon: int) -> int:
        """Pixels a side at which `epoch`, from 1, of a training of `horizon` epochs is trained and validated."""
        begun = [side for share, side in self.sides if epoch - 1 >= share * horizon]
        return begun[-1] if begun else self.crop

    def but(self, **changes: object) -> "Recipe":
        """A copy with other values, checked like a new one.

        Raises:
            pydantic.ValidationError: A field is unknown or its value does not fit.
        """
        return Recipe.model_validate({**self.model_dump(), **changes})

    def flat(self) -> dict[str, str | int | float | bool]:
        """Field by field as scalars, for parameter tables: tuples as `32-64-128`, nested as `augmentation.flip`."""
        fields = self.model_dump(mode="json")
        augmentation = fields.pop("augmentation")
        flat = {name: "-".join(map(str, v)) if isinstance(v, list) else v for name, v in fields.items()}
        return flat | {f"augmentation.{name}": value for name, value in augmentation.items()}


def baseline_recipe() -> Recipe:
    """The reference system's recipe: 626,791 parameters, Adam at 1e-3, batch 32, CLAHE, oversampling at 1.5."""
    return Recipe()
