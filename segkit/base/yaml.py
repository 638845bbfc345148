"""YAML from outside as plain data, bounded: what aliases and merges repeat is counted before it is made."""

from typing import Any

import yaml

MOST_LETTERS = 1_000_000
MOST_VALUES = 100_000
"""Values in all, those of an alias counted wherever it stands. A recipe has some fifty."""


def parse_yaml(text: str) -> Any:
    """The plain data that a text in YAML holds. Raises ValueError, whose text is one line, for anything else."""
    if len(text) > MOST_LETTERS:
        raise ValueError(f"it has {len(text)} letters, more than {MOST_LETTERS}")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _count(node, {}) > MOST_VALUES:
            raise ValueError(f"its aliases repeat more than {MOST_VALUES} values")
        return loader.construct_document(node)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except (AttributeError, KeyError):  # of `!!timestamp x` and `!!bool x`
        raise ValueError("a value is not of the kind that its tag tells") from None
    except Exception as error:  # its constructors raise whatever they stumble over
        raise ValueError(" ".join(str(error).split())) from None


def _count(node: yaml.Node, known: dict[yaml.Node, float]) -> float:
    """How many values a node comes to; infinitely many where it holds itself."""
    if node not in known:
        known[node] = float("inf")
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        children = [child for part in parts for child in (part if isinstance(part, tuple) else (part,))]
        known[node] = 1 + sum(_count(child, known) for child in children)
    return known[node]
