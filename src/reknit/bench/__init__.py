"""`reknit bench`: the engine on public benchmarks, drawn bugs and real histories; read `case.py` first."""
