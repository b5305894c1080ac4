"""Figures as minimum, median and maximum."""
import statistics


def row(what: str, values: list[float], unit: str, goal: str = '', met: bool | None = None) -> dict:
    return {'what': what, 'values': values, 'unit': unit, 'goal': goal, 'met': met}


def ratios(ours: list[float], floor: list[float]) -> list[float]:
    """Pair by pair: what slows the machine down for a while slows both halves of a pair."""
    return [a / b for a, b in zip(ours, floor, strict=True)]


def median(values: list[float]) -> float:
    return statistics.median(values)


def print_table(machine: dict, rows: list[dict]) -> None:
    print(f'{machine["cores"]} cores of {machine["processor"]}, {machine["memoryMiB"]} MiB, Linux {machine["kernel"]}, '
          f'Kubernetes {machine["kubernetes"]}, commit {machine["commit"]}, load {machine["loadBefore"]:.1f} before\n')
    width = max(len(row['what']) for row in rows)
    print(f'{"":{width}}  {"min":>9} {"median":>9} {"max":>9}  {"unit":<10} goal')
    for it in rows:
        figures = ' '.join(f'{shown(value):>9}' for value in (min(it['values']), median(it['values']), max(it['values'])))
        verdict = '' if it['met'] is None else (' met' if it['met'] else ' MISSED')
        print(f'{it["what"]:{width}}  {figures}  {it["unit"]:<10} {it["goal"]}{verdict}')


def shown(value: float) -> str:
    return f'{value:.0f}' if value >= 100 or value == int(value) else f'{value:.2f}'
