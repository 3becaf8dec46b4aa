"""Who calls whom, how it is known, and since when."""

from analysis.topology.codec import history_from_json, history_to_json
from analysis.topology.conflicts import Conflict, ConflictKind
from analysis.topology.facts import Fact, FactKind
from analysis.topology.graph import DependencyGraph, Edge, EdgeSource, from_edges, path_edges
from analysis.topology.history import KnownEdge, TopologyChange, TopologyHistory
from analysis.topology.names import RenameSuggestion, suggest_renames
from analysis.topology.traces import TRACE_COLUMNS, from_traces

__all__ = [
    "TRACE_COLUMNS",
    "Conflict",
    "ConflictKind",
    "DependencyGraph",
    "Edge",
    "EdgeSource",
    "Fact",
    "FactKind",
    "KnownEdge",
    "RenameSuggestion",
    "TopologyChange",
    "TopologyHistory",
    "from_edges",
    "from_traces",
    "history_from_json",
    "history_to_json",
    "path_edges",
    "suggest_renames",
]
