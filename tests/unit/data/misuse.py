"""What a type checker must refuse, each line with the code of its error."""

from pathlib import Path

import reknit

options = reknit.Options(project=Path())
reknit.heal(options)  # E: arg-type call-arg
reknit.heal(["test_a"], options=options)  # E: list-item
reknit.apply(1, options=options)  # E: arg-type
reknit.rollback()  # E: call-arg
reknit.Options(project=Path(), colour=True)  # E: call-arg
reknit.heal(options=options).rows[0].outcome.patch  # E: union-attr
reknit.nothing  # E: attr-defined
options.apply = True  # E: misc
