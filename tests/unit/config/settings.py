"""A project and its user, each with settings, in folders of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reknit.config.files import ConfigFile, project_file
from reknit.config.load import Loaded, load
from reknit.config.trust import pin


@dataclass(frozen=True, slots=True)
class Place:
    """`root` is the project, `state` what reknit keeps of it."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "project"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def project(self, text: str | bytes, name: str = "reknit.toml") -> Path:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def user(self, text: str) -> Path:
        path = self.folder / "user.toml"
        path.write_text(text)
        return path

    def load(self, flags: dict[str, object] | None = None, **environ: str) -> Loaded:
        self.root.mkdir(exist_ok=True)
        if not (self.folder / "user.toml").exists():
            self.user("")
        environ = {"REKNIT_CONFIG": str(self.folder / "user.toml"), **environ}
        return load(self.root, flags=flags or {}, environ=environ, state=self.state)

    def file(self) -> ConfigFile:
        found, _ = project_file(self.root)
        assert found is not None
        return found

    def trust(self) -> None:
        pin(self.file(), self.state)
