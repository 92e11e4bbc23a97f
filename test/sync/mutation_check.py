"""Breaks one place of the collector at a time and asks whether the tests notice.

Run: python test/sync/mutation_check.py [--count 150] [--seed 0] [FILE ...]
Prints the mutants that survive; docs/benchmarks/synchronization.md explains the known ones.
"""

from __future__ import annotations

import argparse
import ast
import copy
import io
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYNC = Path('mmseg_ros/sync')
FILES = [
    'assembly.py',
    'buffer.py',
    'collector.py',
    'health.py',
    'history.py',
    'monitor.py',
    'offline.py',
    'packets.py',
    'rate.py',
    'track.py',
]
TESTS = [
    'test_buffer.py',
    'test_rate.py',
    'test_health.py',
    'test_history.py',
    'test_collector.py',
    'test_failure_table.py',
    'test_offline.py',
    'test_packets.py',
    'test_collector_properties.py',
]
TIMEOUT_S = 90
# pytest-timeout would take the alarm that ends a mutant in an endless loop.
_PYTEST = ['-x', '-q', '-p', 'no:cacheprovider', '-p', 'no:timeout', '--tb=no']
_COMPARE = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div}


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """Yield broken copies of one node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARE:
        broken = copy.deepcopy(node)
        broken.ops[0] = _COMPARE[type(node.ops[0])]()
        yield broken
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
    elif isinstance(node, ast.AugAssign) or isinstance(getattr(node, 'value', None), ast.Call):
        if isinstance(node, (ast.AugAssign, ast.Expr)):
            yield ast.Pass()
    elif isinstance(node, ast.Call) and getattr(node.func, 'id', '') in ('min', 'max'):
        other = 'max' if node.func.id == 'min' else 'min'  # type: ignore[attr-defined]
        yield ast.Call(ast.Name(other, ast.Load()), node.args, node.keywords)


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, what changed, broken source) for every place that can be broken."""
    tree = ast.parse(source)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if field in ('decorator_list', 'returns', 'annotation'):
                continue
            for index, node in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(node, ast.AST):
                    continue
                for broken in variants(node):
                    ast.copy_location(broken, node)
                    _put(parent, field, index, value, broken)
                    text = ast.unparse(ast.fix_missing_locations(tree))
                    _put(parent, field, index, value, node)
                    yield node.lineno, f'{ast.unparse(node)}  ->  {ast.unparse(broken)}', text


def _put(parent: ast.AST, field: str, index: int, value: object, node: ast.AST) -> None:
    if isinstance(value, list):
        value[index] = node
    else:
        setattr(parent, field, node)


def verdict(package_root: Path, file: str, broken: str) -> str:
    """Run the tests in a child process on a copy of the package with one file replaced.

    Returns:
        'killed', 'survived', or 'timed out', which an endless loop does.
    """
    child = os.fork()
    if child == 0:
        signal.alarm(TIMEOUT_S)
        target = package_root / SYNC / file
        target.write_text(broken)
        os.chdir(package_root)
        sys.path.insert(0, str(package_root))
        sink = io.StringIO()
        with redirect_stdout(sink), redirect_stderr(sink):
            import pytest

            tests = [str(package_root / 'test' / 'sync' / name) for name in TESTS]
            status = pytest.main([*_PYTEST, *tests])
        os._exit(int(status != 0))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return 'timed out'
    return 'survived' if status == 0 else 'killed'


def main() -> None:
    """Print one line per surviving mutant, then the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('files', nargs='*', default=FILES)
    parser.add_argument('--count', type=int, default=150)
    parser.add_argument('--seed', type=int, default=0)
    arguments = parser.parse_args()
    every = [
        (file, *mutant)
        for file in arguments.files
        for mutant in mutants((ROOT / SYNC / file).read_text())
    ]
    chosen = random.Random(arguments.seed).sample(every, min(arguments.count, len(every)))
    # Imported before the fork, so that no child pays for them.
    import hypothesis  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401

    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ignore = shutil.ignore_patterns('__pycache__')
        shutil.copytree(ROOT / 'mmseg_ros', root / 'mmseg_ros', ignore=ignore)
        shutil.copytree(ROOT / 'test' / 'sync', root / 'test' / 'sync', ignore=ignore)
        shutil.copy(ROOT / 'pyproject.toml', root)
        for file, line, change, broken in sorted(chosen):
            original = (ROOT / SYNC / file).read_text()
            result = verdict(root, file, broken)
            survivors += result == 'survived'
            if result != 'killed':
                print(f'{file}:{line}: {change} ({result})', flush=True)
            (root / SYNC / file).write_text(original)
    print(f'{len(chosen) - survivors} of {len(chosen)} mutants killed ({len(every)} possible)')


if __name__ == '__main__':
    main()
