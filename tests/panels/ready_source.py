"""What a page has once it need not wait: a source that is loaded, scores that are read."""

from gala_viz.panels.explore.explore_view import ExploreView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.shared_source import SharedSource
from gala_viz.panels.source_client import read_scores
from tests.panels.script import SCRIPT


def ready(source):
    """``source``, loaded."""
    shared = SharedSource(lambda say: source)
    shared._load()
    assert shared.state == "ready", shared.error
    return shared


def explored(source, compare_url=""):
    """The view of all images of a source, with its scores."""
    view = ExploreView(source, CollectionIndex(source), SCRIPT, compare_url)
    view.set_scores(read_scores(source, source.request))
    return view
