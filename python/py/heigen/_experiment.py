"""The experiments of the paper, and those in files of the user's own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heigen import _heigen, _native
from heigen._analysis import Analysis
from heigen._errors import WrongTypeError
from heigen._heigen import Workspace
from heigen._progress import Progress, telling

__all__ = ["Experiment", "Trained", "experiment", "experiments"]


def experiments() -> list[str]:
    """The names of the experiments that heigen ships: all of the paper's."""
    names: list[str] = _heigen.experiments()
    return names


def experiment(
    name: Any, *, folder: Any = None, images: Any = None, threads: int = 0, memory: float | None = None
) -> Experiment:
    """An experiment by its name, such as "gauss/normal_training", or by the path of its file.

    Results stay in memory unless ``folder`` names a folder of results, which the command ``heigen`` and later sessions use,
    too. ``images`` is the folder of MNIST and CIFAR-10; nothing is downloaded.
    """
    resources = _native.resources(threads, memory, images)
    workspace, notes = Workspace.named(str(name), resources, folder)
    return Experiment(workspace, notes)


class Experiment:
    """Samples, network, loss and training, as an experiment's file describes them."""

    def __init__(self, workspace: Workspace, notes: list[str]) -> None:
        self._workspace = workspace
        #: Sentences about what was resolved or has no effect.
        self.notes = list(notes)

    @property
    def name(self) -> str:
        """The name of the experiment."""
        name: str = self._workspace.name
        return name

    @property
    def config(self) -> dict[str, Any]:
        """The experiment's file with every default written out."""
        config: dict[str, Any] = json.loads(self._workspace.config)
        return config

    def train(
        self,
        *,
        seed: int | None = None,
        pretrained: Any = None,
        force: bool = False,
        eval_every: int | None = None,
        progress: Progress = None,
    ) -> Trained:
        """Train the model, after the models that it starts from; a model that is there and up to date is reused."""
        making = dict(seed=seed, pretrained=pretrained, eval_every=eval_every)
        with telling(progress) as tell:
            record, notes = self._workspace.train(_native.making(**making, force=force), tell)
        _native.told(notes)
        return Trained(self, json.loads(record), making)

    def analyze(self, *, progress: Progress = None, **options: Any) -> Analysis:
        """Analyse the trained model; it is trained first if need be. Keywords are those of :func:`heigen.analyze`,
        ``weights`` (a file of weights to analyse instead of the trained ones) and ``reparameterize``."""
        return self._analysed({}, options, progress)

    def _analysed(self, making: dict[str, Any], options: dict[str, Any], progress: Progress) -> Analysis:
        force = bool(options.pop("force", False))
        options = {"eigenpairs": True, **options}
        with telling(progress) as tell:
            told = self._workspace.analyse(_native.asked(options), _native.making(**making, force=force), tell)
        summary, record, notes = told
        said, warned = _native.told(notes, stacklevel=4)
        return Analysis(self._workspace, options, record, json.loads(summary), [*self.notes, *said], warned)

    @property
    def samples(self) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The training samples: X [N, ...] and y [N], or [N, D] where targets are no classes."""
        features, shape, labels, _, others = self._workspace.samples()
        y: NDArray[Any] = labels if others is None else others[0].reshape(-1, others[1])
        return features.reshape(-1, *shape), y

    def __repr__(self) -> str:
        return f"<experiment {self.name}>"

    def __deepcopy__(self, memo: Any) -> Experiment:
        # Nothing changes it.
        return self

    def __reduce__(self) -> Any:
        wanted = "its analysis, which can be pickled, or heigen.experiment(name) where it arrives"
        raise WrongTypeError("an experiment cannot be pickled", got=repr(self), wanted=wanted)


class Trained:
    """A trained model."""

    def __init__(self, experiment: Experiment, record: dict[str, Any], making: dict[str, Any]) -> None:
        self._experiment, self._making = experiment, making
        #: The record of the training, as the command line prints it with ``--json``.
        self.record: dict[str, Any] = record

    @property
    def name(self) -> str:
        """The name of the experiment."""
        return self._experiment.name

    @property
    def epochs_trained(self) -> int:
        """Number of epochs."""
        return int(self.record["epochs_trained"])

    @property
    def history(self) -> list[dict[str, Any]]:
        """What was evaluated along the way: losses and accuracies of all parts."""
        history: list[dict[str, Any]] = self.record["epochs"]
        return history

    @property
    def weights(self) -> dict[str, NDArray[np.float64]]:
        """The parameters and statistics under the names of PyTorch's state dict."""
        return {name: values.reshape(shape) for name, shape, values in self._experiment._workspace.weights()}

    def analyze(self, *, progress: Progress = None, **options: Any) -> Analysis:
        """Analyse the model, as :meth:`Experiment.analyze`."""
        return self._experiment._analysed(self._making, options, progress)

    def __repr__(self) -> str:
        return f"<{self.name}, trained {self.epochs_trained} epochs>"
