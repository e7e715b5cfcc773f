"""The stored tree, as `audit.merkle` reads it."""

from collections.abc import Sequence

from audit.models import Leaf, Node


def stored_hashes(level: int, start: int, stop: int) -> Sequence[bytes]:
    """`merkle.Hashes`: of the leaves and of the nodes that are kept."""
    if level == 0:
        leaves = Leaf.objects.filter(index__gte=start, index__lt=stop).order_by("index")
        return [bytes(each) for each in leaves.values_list("hash", flat=True)]
    nodes = Node.objects.filter(level=level, position__gte=start, position__lt=stop).order_by("position")
    return [bytes(each) for each in nodes.values_list("hash", flat=True)]
