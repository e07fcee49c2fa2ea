"""The names of ``import gala_viz as gv``, for editors and for lazy_loader, which imports each when it is first used."""

from .alignment import dice as dice
from .alignment import iou as iou
from .alignment import noise_ceiling as noise_ceiling
from .alignment import spearman as spearman
from .batch.smoothgrad import smoothgrad as smoothgrad
from .collections import open_collection as open_collection
from .collections.images import Images as Images
from .engine.forward import attention_norms as attention_norms
from .engine.results.delta import gradient_delta as gradient_delta
from .engine.reveal_curve import reveal_curve as reveal_curve
from .evaluation.score_alignment import AlignmentCallback as AlignmentCallback
from .evaluation.score_alignment import AlignmentMonitor as AlignmentMonitor
from .evaluation.score_alignment import score_alignment as score_alignment
from .jupyter.attention_layers import layers as layers
from .jupyter.compare import Compare as Compare
from .jupyter.explore import explore as explore
from .jupyter.sources import open_source as open_source
from .networks.network import Network as Network
from .networks.preprocessing import Preprocessing as Preprocessing
from .networks.zoo import load_network as load_network
from .plots.figures.specs import ComparisonSpec as ComparisonSpec
from .plots.figures.specs import FigureSpec as FigureSpec
from .plots.figures.specs import GridSpec as GridSpec
from .plots.figures.specs import LayersSpec as LayersSpec
from .plots.figures.specs import PeopleSpec as PeopleSpec
from .plots.figures.specs import ScatterSpec as ScatterSpec
from .plots.figures.specs import TableSpec as TableSpec
from .plots.figures.specs import draw_figure as draw_figure
from .plots.figures.specs import read_figure_spec as read_figure_spec
from .plots.figures.specs import write_figure as write_figure
from .specs import MapRequest as MapRequest
from .specs import SecondMap as SecondMap
from .specs import SmoothGradSpec as SmoothGradSpec
from .store.zarr_store import open_store as open_store

__version__: str
