"""Filters, resampling and the filtered activation: one public function per op."""

from nftgan.ops.activation import bias_act
from nftgan.ops.conv_resample import conv2d_resample
from nftgan.ops.filtered_lrelu import filtered_lrelu
from nftgan.ops.filters import design_lowpass, setup_filter
from nftgan.ops.gradients import inputs_only
from nftgan.ops.modulation import grouped_conv, modulated_conv2d, modulated_weights
from nftgan.ops.upfirdn import downsample2d, filter2d, upfirdn2d, upsample2d

__all__ = [
    "bias_act",
    "conv2d_resample",
    "design_lowpass",
    "downsample2d",
    "filter2d",
    "filtered_lrelu",
    "grouped_conv",
    "inputs_only",
    "modulated_conv2d",
    "modulated_weights",
    "setup_filter",
    "upfirdn2d",
    "upsample2d",
]
