"""Whether two answers of /api/v1/query are the same."""
import math
import re

import reference

CLOSE = 1e-9


def close(a, b, scale=0.0):
    if a != a or b != b:
        return a != a and b != b
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    return abs(a - b) <= CLOSE * max(abs(a), abs(b)) + scale


def key(labels):
    return tuple(sorted(labels.items()))


def vector(rows):
    return {key(row["metric"]): float(row["value"][1]) for row in rows}


def matrix(rows):
    return {key(row["metric"]): [(round(float(t) * 1000), float(v)) for t, v in row["values"]] for row in rows}


def same_vector(mine, theirs, noise):
    return mine.keys() == theirs.keys() and all(close(mine[k], theirs[k], noise) for k in mine)


def is_sorted(rows, falling):
    values = [float(row["value"][1]) for row in rows]
    numbers = [v for v in values if v == v]
    if any(v == v for v in values[len(numbers):]):
        return False  # NaN comes last
    return numbers == sorted(numbers, reverse=falling)


def natural(a, b):
    """Runs of digits compare as numbers where both sides have them."""
    parts = [re.findall(r"[0-9]+|[^0-9]+", text) for text in (a, b)]
    for x, y in zip(*parts):
        if x.isdigit() and y.isdigit():
            x, y = int(x), int(y)
        if x != y:
            return -1 if x < y else 1
    return len(parts[0]) - len(parts[1])


def is_sorted_by(rows, labels):
    def falls(a, b):
        for label in labels:
            x, y = a["metric"].get(label, ""), b["metric"].get(label, "")
            if x != y:
                return natural(x, y) > 0  # "0.005" and "0.5" stand in either order
        return False
    return not any(falls(a, b) for a, b in zip(rows, rows[1:]))


def same_values(a, b):
    a, b = (sorted(values, key=lambda v: (v != v, v if v == v else 0)) for values in (a, b))
    return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))


def same_result(ref, node, mine, theirs, noise):
    """Both are "data" of a success."""
    if mine["resultType"] != theirs["resultType"]:
        return False
    mine, theirs = mine["result"], theirs["result"]
    if node.kind in ("scalar", "string"):
        if node.kind == "string":
            return mine == theirs
        return close(float(mine[1]), float(theirs[1]), noise)
    if node.kind == "matrix":
        a, b = matrix(mine), matrix(theirs)
        return a.keys() == b.keys() and all(
            len(a[k]) == len(b[k]) and all(x[0] == y[0] and close(x[1], y[1], noise) for x, y in zip(a[k], b[k])) for k in a)
    if len(vector(mine)) != len(mine):
        return False  # a label set twice
    if node.check == "limitk":
        ref.rule("limitk")
        wanted = sum(float(row["value"][1]) for row in ref.query(node.count % node.ask(ref))["result"])
        a, b = vector(mine), vector(theirs)
        return len(a) == wanted and all(k in b and close(a[k], b[k]) for k in a)
    if node.check == "by-label":
        ref.rule("sorted-by-label")
        if not is_sorted_by(mine, ("code", "le", "zone", "job", "instance")):
            return False
    if node.check == "sorted" and not is_sorted(mine, node.text.startswith("sort_desc")):
        return False
    if same_vector(vector(mine), vector(theirs), noise):
        return True
    if node.check == "ties":
        a, b = vector(mine), vector(theirs)
        if same_values(a.values(), b.values()) and is_tie(a, b):
            ref.rule("ties")
            return True
    return False


def is_tie(a, b):
    """What only one side has, has the same values there and there, each also held by a partner: a border tie."""
    only_a = sorted(repr(v) for k, v in a.items() if k not in b)
    only_b = sorted(repr(v) for k, v in b.items() if k not in a)
    return only_a == only_b


__all__ = ["same_result", "reference"]
