"""The package's exceptions. Every message says what was wrong, where, and what to do."""


class MmsegError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(MmsegError):
    """A parameter, a YAML file or a command-line option is missing, unknown or out of range."""


class OutputError(MmsegError):
    """A file or folder cannot be written; what stood there before still stands."""


class CalibrationError(MmsegError):
    """Intrinsics or extrinsics are absent, invalid or do not fit the data."""


class SyncError(MmsegError):
    """A sample cannot be placed in time (bad stamp, unknown modality)."""


class SampleError(MmsegError):
    """One sensor message is malformed; the sample is rejected and the other sensors go on."""


class BundleError(MmsegError):
    """A model bundle is incomplete, damaged or does not match its manifest."""


class BackendError(MmsegError):
    """An inference runtime is missing or failed to load or run a model."""


class MissingLibraryError(MmsegError):
    """An optional Python package that a request needs is not installed."""


class BagError(MmsegError):
    """A recording cannot be read or written."""


class DatasetError(MmsegError):
    """Training or evaluation data is incomplete or inconsistent."""


class EvaluationError(MmsegError):
    """Scores cannot be compared, or did not come out the same twice."""


class TrainingError(MmsegError):
    """A training run cannot go on (the loss is NaN or infinite, a checkpoint does not fit)."""


class StoppedError(MmsegError):
    """A signal ended long work; what was done by then is kept.

    Attributes:
        number: Of the signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number
