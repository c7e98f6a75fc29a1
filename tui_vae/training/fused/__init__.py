"""The training step written out for fully connected layers: how it works, and when ``--step auto`` takes it.

It computes what :class:`tui_vae.training.general_step.GeneralStep` computes, in the same precision (the tests hold the
gradient against autograd, the optimiser against torch's, and whole epochs of both steps against each other), but spends
less around the matrix products:

- **No graph and no allocation.** :mod:`.gradient` writes the forward and the backward pass out, in the fewest passes
  over memory. All results go to the same tensors at every step (:mod:`.workspace`), and bytes of images become numbers
  there. ``p(x|z)`` has one sigma, so that the gradient of the mean is the error times a constant.
- **One pass of Adam.** All parameters are views of one tensor (:mod:`.flat_parameters`), over which :mod:`.adam` calls
  torch's fused kernel once. A lost loss (not finite, or as good as) is found on the device, and the kernel then skips.
- **Threads that meet twice.** Where a step has work for several threads (:mod:`.step`), each takes part of the batch
  through all layers and back, waits for the others, computes the gradients of one slice of the parameters for the whole
  batch, and moves that slice. Products with several threads of their own would meet at every layer. The threads wait
  asleep, so that other work on the machine slows them by no more than its share.
- **No Python between operations.** On the CPU a step, or each thread's part of it, is traced by TorchScript
  (:mod:`.torchscript`), on CUDA it can be captured as a graph; without either, the same operations are called one by
  one, with the same bits.

Both steps keep the same weights and moments, so that a checkpoint of one can be continued by the other, in other bits.

``--step auto`` takes this step where it is at least 1.15 times as fast, by the following figures: time of a step by
autograd over that of this one, on one core of an AMD EPYC (Zen 4, no AMX), batches of 128, zdim 32, alternating in one
process, medians of five.

====================  =======  ====  ====
hidden widths         weights  fp32  bf16
====================  =======  ====  ====
none (linear)            76 k  1.79  2.59
100                     167 k  1.78  2.09
256                     426 k  1.47  1.54
400                     666 k  1.23  1.30
512, 256               1.09 M  1.19  1.21
1024, 512              2.71 M  1.06  1.13
====================  =======  ====  ====

With batches of 1024 the ratios of 512, 256 are 1.09 and 1.10. Whole trainings of the default pair, linear and 512, 256
at once, in fp32 on two cores: deep took 1.18 and 1.81 times as long by autograd (two pairs, alternating). So the rule
is: on a CPU, if the largest model of the run has at most 2,000,000 weights. On other devices the step by autograd is
taken, which is what CUDA graphs capture.
"""

from tui_vae.training.fused.step import FusedStep

__all__ = ["FusedStep"]
