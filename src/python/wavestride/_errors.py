"""The exceptions of the module. They are made here since in Python a class can be FileNotFoundError, too."""

import errno
import os


class IoError(OSError):
    """A file can't be read or written: `filename` names it, `strerror` says why. Where the system refused, `errno` is
    set, and the error is also what open() raises then: FileNotFoundError, PermissionError or NotADirectoryError."""

    _text = None  # as C++ has it, without what a terminal would obey

    def __str__(self):
        return self._text or (super().__str__() if self.filename is None else f"{self.filename}: {self.strerror}")


class FileNotFoundIoError(IoError, FileNotFoundError):
    pass


class PermissionIoError(IoError, PermissionError):
    pass


class NotADirectoryIoError(IoError, NotADirectoryError):
    pass


class NotStreamable(RuntimeError):
    """An operator has no stream, since an output needs the whole signal; says of which part that is so."""


CLASSES = {
    errno.ENOENT: FileNotFoundIoError,
    errno.EACCES: PermissionIoError,
    errno.EPERM: PermissionIoError,
    errno.ENOTDIR: NotADirectoryIoError,
}


def io_error(path, reason, text):
    """Of what C++ throws. Its reasons end in the system's words where the system refused."""
    name, reason = os.fsdecode(path), os.fsdecode(reason)
    code = next((n for n in errno.errorcode if reason.endswith(": " + os.strerror(n))), None)
    error = CLASSES.get(code, IoError)(code, reason, name)
    error._text = os.fsdecode(text)
    return error
