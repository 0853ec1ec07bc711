"""The public names for type checkers; `__init__.py` loads each when it is first asked for."""

from fer_exp.api.comparing import ComparisonResult as ComparisonResult
from fer_exp.api.comparing import compare as compare
from fer_exp.api.ensembling import EnsembleResult as EnsembleResult
from fer_exp.api.ensembling import ensemble as ensemble
from fer_exp.api.evaluated import Evaluation as Evaluation
from fer_exp.api.evaluated import ExternalEvaluation as ExternalEvaluation
from fer_exp.api.evaluating import evaluate as evaluate
from fer_exp.api.evaluating import evaluate_on as evaluate_on
from fer_exp.api.folding import FoldsEvaluation as FoldsEvaluation
from fer_exp.api.folding import evaluate_folds as evaluate_folds
from fer_exp.api.recorded import RecordedCampaign as RecordedCampaign
from fer_exp.api.recorded import load_campaign as load_campaign
from fer_exp.api.retraining import (
    RetrainResult as RetrainResult,
)
from fer_exp.api.retraining import (
    RetrainStopped as RetrainStopped,
)
from fer_exp.api.retraining import (
    retrain_best as retrain_best,
)
from fer_exp.api.searched import SearchResult as SearchResult
from fer_exp.api.searched import SearchStopped as SearchStopped
from fer_exp.api.searching import baseline as baseline
from fer_exp.api.searching import dry_run as dry_run
from fer_exp.api.searching import search as search
from fer_exp.campaign import (
    Algorithm as Algorithm,
)
from fer_exp.campaign import (
    Campaign as Campaign,
)
from fer_exp.campaign import (
    HyperParameters as HyperParameters,
)
from fer_exp.campaign import (
    Objective as Objective,
)
from fer_exp.campaign import (
    Settings as Settings,
)
from fer_exp.data.reading import Reading as Reading
from fer_exp.data.split.protocol import Protocol as Protocol
from fer_exp.prediction.api import predict as predict
from fer_exp.recipe import Recipe as Recipe
from fer_exp.recipe import baseline_recipe as baseline_recipe
from fer_exp.system.errors import FerExpError as FerExpError

__version__: str
__all__: list[str]
