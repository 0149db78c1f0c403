"""``SummaryWriter`` in PyTorch's call form, over tensorboardX's.

tensorboardX knows arrays and not our tensors; what is here turns one into the other, and draws the graph.

torch: utils/tensorboard/writer.py
"""

import tensorboardX
from tensorboardX.proto.event_pb2 import Event

from ...dtypes import bfloat16, float16, float32
from ...engine import Tensor
from .graph import graph_of

__all__ = ["SummaryWriter"]


def plain(value):
    """Arrays for tensors, in lists, tuples and dicts too."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        return (value.to(float32) if value.dtype in (bfloat16, float16) else value).numpy()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return type(value)(plain(item) for item in value) if type(value) in (list, tuple) else value


def number(value):
    """A Python number of a tensor of one element."""
    return value.item() if isinstance(value, Tensor) else value


class SummaryWriter(tensorboardX.SummaryWriter):
    """Writes event files into a folder.   torch: utils.tensorboard.SummaryWriter

    log_dir: the folder, else ``runs/DATE_HOST`` with ``comment`` at its end. purge_step: forget what an earlier run wrote
    from there on. max_queue, flush_secs: how much, and how long, waits to be written. filename_suffix: of the files.

    ``add_figure``, ``add_text`` and ``add_custom_scalars`` are tensorboardX's as they are.
    """

    def __init__(self, log_dir=None, comment="", purge_step=None, max_queue=10, flush_secs=120, filename_suffix=""):
        log_dir = None if log_dir is None else str(log_dir)
        super().__init__(log_dir, comment, purge_step, max_queue, flush_secs, filename_suffix)

    @property
    def log_dir(self):
        """The folder."""
        return self.logdir

    def get_logdir(self):
        """The folder.   torch: SummaryWriter.get_logdir"""
        return self.logdir

    # ------------------------------------------------------------------------------------------------- numbers

    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False, double_precision=False):
        """A point of a curve. It is stored as a float32, whatever the last two say.   torch: SummaryWriter.add_scalar"""
        super().add_scalar(tag, number(scalar_value), global_step, walltime)

    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        """A point of each of several curves in one plot.   torch: SummaryWriter.add_scalars

        The file of a curve lies in the folder ``main_tag/tag`` below; in PyTorch's it is ``main_tag_tag``.
        """
        values = {tag: number(value) for tag, value in tag_scalar_dict.items()}
        super().add_scalars(main_tag, values, global_step, walltime)

    def add_histogram(self, tag, values, global_step=None, bins="tensorflow", walltime=None, max_bins=None):
        """How values are distributed.   torch: SummaryWriter.add_histogram"""
        super().add_histogram(tag, plain(values), global_step, bins, walltime, max_bins)

    def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None, global_step=None):
        """The settings of a run and what came of them.   torch: SummaryWriter.add_hparams

        ``hparam_domain_discrete`` is not written.
        """
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        settings = {name: number(value) for name, value in hparam_dict.items()}
        super().add_hparams(settings, {name: number(value) for name, value in metric_dict.items()}, run_name, global_step)

    def add_pr_curve(self, tag, labels, predictions, global_step=None, num_thresholds=127, weights=None, walltime=None):
        """Precision against recall, over all thresholds.   torch: SummaryWriter.add_pr_curve"""
        labels, predictions, weights = plain(labels), plain(predictions), plain(weights)
        super().add_pr_curve(tag, labels, predictions, global_step, num_thresholds, weights, walltime)

    # ------------------------------------------------------------------------------------------ pictures and sounds

    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW"):
        """One image: floats from 0 to 1, or bytes.   torch: SummaryWriter.add_image"""
        super().add_image(tag, plain(img_tensor), global_step, walltime, dataformats)

    def add_images(self, tag, img_tensor, global_step=None, walltime=None, dataformats="NCHW"):
        """Several images in a grid.   torch: SummaryWriter.add_images"""
        super().add_images(tag, plain(img_tensor), global_step, walltime, dataformats)

    def add_image_with_boxes(self, tag, img_tensor, box_tensor, global_step=None, walltime=None, rescale=1, dataformats="CHW", labels=None):
        """An image with rectangles (left, top, right, bottom).   torch: SummaryWriter.add_image_with_boxes"""
        image, boxes = plain(img_tensor), plain(box_tensor)
        super().add_image_with_boxes(tag, image, boxes, global_step, walltime, dataformats, labels, rescale=rescale)

    def add_video(self, tag, vid_tensor, global_step=None, fps=4, walltime=None):
        """Frames (N, T, C, H, W); needs the package moviepy.   torch: SummaryWriter.add_video"""
        super().add_video(tag, plain(vid_tensor), global_step, fps, walltime)

    def add_audio(self, tag, snd_tensor, global_step=None, sample_rate=44100, walltime=None):
        """A sound (1, L) from -1 to 1; needs the package soundfile.   torch: SummaryWriter.add_audio"""
        super().add_audio(tag, plain(snd_tensor), global_step, sample_rate, walltime)

    def add_mesh(self, tag, vertices, colors=None, faces=None, config_dict=None, global_step=None, walltime=None):
        """Points or triangles in space.   torch: SummaryWriter.add_mesh"""
        super().add_mesh(tag, plain(vertices), plain(colors), plain(faces), config_dict, global_step, walltime)

    def add_embedding(self, mat, metadata=None, label_img=None, global_step=None, tag="default", metadata_header=None):
        """Points (N, D) for the projector, with labels and small images.   torch: SummaryWriter.add_embedding"""
        super().add_embedding(plain(mat), plain(metadata), plain(label_img), global_step, tag, metadata_header)

    # --------------------------------------------------------------------------------------------------- the model

    def add_graph(self, model, input_to_model=None, verbose=False, use_strict_trace=True):
        """What the model computes, row by row, in the boxes of its modules.   torch: SummaryWriter.add_graph

        input_to_model: the argument, or a tuple or list of them: the model runs on it once, and only what ran is drawn.
        """
        if input_to_model is None:
            raise ValueError("add_graph needs input_to_model: the graph is drawn of a run of the model on it")
        arguments = input_to_model if isinstance(input_to_model, (tuple, list)) else (input_to_model,)
        drawn = graph_of(model, arguments)
        if verbose:
            print(drawn)
        self._get_file_writer().add_event(Event(graph_def=drawn.SerializeToString()))

    # ------------------------------------------------------------------------------------------------------ the files

    def flush(self):
        """All that was added is on the disk afterwards.   torch: SummaryWriter.flush"""
        for writer in (self.all_writers or {}).values():
            events = writer.event_writer
            if not events._closed:  # tensorboardX's flush forgets what waits in its queue: let its thread come to the end
                events._worker.stop()
                events._closed = True
                events.reopen()
            writer.flush()
