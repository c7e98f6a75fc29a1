"""The run store. Only its modules of weights load torch."""

from tui_vae.run_store.directory import RunDirectory, create_run
from tui_vae.run_store.log import LogWriter, read_log
from tui_vae.run_store.pictures import read_picture

__all__ = ["LogWriter", "RunDirectory", "create_run", "read_log", "read_picture"]
