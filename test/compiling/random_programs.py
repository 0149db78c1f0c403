"""Random programs in PyTorch's public API: a line at a time, each tried by PyTorch before it is kept.

    def program(a, b, n):
        c = a[1:].softmax(-1)
        c.mul_(b)                       # what PyTorch refuses is thrown away, or left as the program's last line
        for i in range(n):
            c = c + b.sum(0)
        return c

A line is a template with holes: ``{x}`` a tensor of floats, ``{y}`` one that may go with it, ``{d}`` a dim of x, ``{k}`` a place
along it, ``{s}`` a number. What fits is found by trying, so a template says nothing of shapes.
"""

import random
import re
import warnings
from typing import NamedTuple

import numpy
import torch

__all__ = ["Given", "Program", "grown", "source", "tensor_of"]


class Given(NamedTuple):
    """A tensor that a program is given: how it lies in memory, and what is in it."""

    name: str
    shape: tuple
    dtype: str
    layout: str
    values: str
    kept: bool
    wants_gradient: bool


class Program(NamedTuple):
    """Lines between the inputs and what is returned; ``use`` says who calls backward, and where."""

    inputs: list
    lines: list
    use: str
    optimizer: str
    resized: tuple
    seed: int


# ------------------------------------------------------------------------------------------------------------ templates

POINTWISE = """
{x}.sin() {x}.cos() {x}.tanh() {x}.sigmoid() {x}.exp().clamp(max=9) {x}.relu() {x}.abs() {x}.neg() {x}.square() {x}.sqrt() {x}.abs().sqrt()
{x}.abs().log1p()
{x}.abs().add(0.5).log() {x}.expm1() {x}.erf() {x}.atan() {x}.sinh() {x}.asinh() {x}.floor() {x}.round() {x}.trunc() {x}.frac() {x}.sign()
{x}.reciprocal()
{x}.abs().rsqrt() {x}.exp2() {x}.logit(0.1) {x}.cosh().log2() {x}.nan_to_num() {x}.sgn() {x}.erfc() {x}.log10() {x}.acos() {x}.deg2rad()
F.gelu({x}) F.gelu({x},approximate='tanh') F.silu({x}) F.elu({x},{s}) F.selu({x}) F.celu({x}) F.softplus({x}) F.mish({x}) F.hardsigmoid({x})
F.relu6({x})
F.logsigmoid({x}) F.softsign({x}) F.tanhshrink({x}) F.softshrink({x}) F.hardshrink({x}) F.threshold({x},{s},{s}) F.prelu({x},{y}.reshape(-1)[:1])
F.glu({x},{d})
{x}+{y} {x}-{y} {x}*{y} {x}/({y}.abs()+1) {x}+{s} {s}-{x} {x}*{s} {s}/({x}.abs()+0.5) {x}**2 {x}**3 {x}.abs()**{s} {x}.pow(2.5) {s}**{x} -{x} {x}%{s}
{x}//{s} {x}.abs()**{y}
t.add({x},{y},alpha={s}) t.sub({x},{y},alpha=2) t.rsub({x},{y}) {x}.maximum({y}) {x}.minimum({y}) {x}.fmax({y}) {x}.atan2({y}) {x}.hypot({y})
{x}.copysign({y}) {x}.fmod({s}) {x}.remainder({y})
{x}.lerp({y},{s}) {x}.lerp({y},{z}) {x}.addcmul({y},{z},value={s}) {x}.addcdiv({y},{z}.abs()+1) {x}.clamp({s},2) {x}.clamp(min={s}) {x}.clamp(max={s})
{x}.clip(-1,1) {x}.xlogy({y}.abs()+1) {x}.logaddexp({y})
t.where({x}>{s},{x},{y}) t.where({x}>{y},{x},{s}) {x}.masked_fill({x}>{s},{s}) {x}.masked_fill({m},{s}) t.where({m},{x},{y}) {x}*{m} {x}*{i} {i}*{s}
{i}+{i} {i}//3 {i}%3 {i}*{x} -{i} {i}.abs() {i}.clamp(1,3) {i}-{s}
{x}>{y} {x}<={s} {x}=={y} {x}!={x}.round() {x}.isnan() {m}&({x}>0) {m}|{m} ~{m} {m}^{m} {i}>1 {i}=={i} {m}.logical_not() {x}.logical_and({y})
{x}.isclose({y}) {i}&{i} {i}|3 {i}<<1
{x}.double() {x}.float() {x}.to(t.float64) {x}.to(t.bfloat16) {x}.half() {x}.long() {x}.int() {x}.bool() {x}.type_as({y}) {m}.float() {i}.float()
{i}.double() {m}.long() {i}.to({x}.dtype) {x}.to(t.bfloat16).float() {x}.abs().to(t.uint8) {x}.to(t.int8) {i}.to(t.int16)
{x}.clone() {x}.detach() {x}.contiguous() t.zeros_like({x}) t.ones_like({x}) t.full_like({x},{s}) {x}.new_zeros(3) {x}.new_ones({x}.shape)
t.full({x}.shape,{s}) t.arange(float({x}.shape[0])) t.eye(3) {x}.detach().clone().requires_grad_() {x}.double().sinc() t.heaviside({x},{y})
t.complex({x},{y}) t.polar({x}.abs(),{y}) t.view_as_real(t.complex({x},{x})) t.complex({x},{y}).angle() {c}.real {c}.imag {c}.conj() {c}*{c} {c}.abs()
{c}*{x} {c}.exp().real {c}+{s} {c}.sum({d})
F.dropout({x},0.4) F.dropout({x},0.5,training=False) t.rand({x}.shape) t.randn_like({x}) t.rand_like({x})*{x} t.bernoulli({x}.sigmoid())
t.randint(0,5,{x}.shape) {x}+t.randn({x}.shape[-1]) t.randperm(5) F.alpha_dropout({x},0.3) t.normal(0.0,1.0,(3,)) t.normal({x},0.5)
F.feature_dropout({x}) F.dropout1d({x},0.5) F.dropout2d({x},0.5) F.rrelu({x},training=True) t.empty_like({x}).uniform_()
t.empty_like({x}).exponential_() t.empty({x}.shape).bernoulli_(0.3)
"""

REDUCED = """
{x}.sum() {x}.sum({d}) {x}.sum({d},keepdim=True) {x}.sum(({d},{e})) {x}.mean() {x}.mean({d}) {x}.mean({d},True) {x}.mean((0,-1)) {x}.var()
{x}.var({d}) {x}.std({d}) {x}.var({d},correction=0) {x}.std({d},unbiased=False,keepdim=True) {x}.std() t.var_mean({x},{d})[0] t.std_mean({x},{d})[1]
{x}.var(({d},{e}))
{x}.prod() {x}.prod({d}) {x}.amax({d}) {x}.amin({d},True) {x}.amax(({d},{e})) {x}.max() {x}.min() {x}.max({d})[0] {x}.min({d},True)[0] {x}.max({d})[1]
{x}.min({d})[1] {x}.argmax() {x}.argmin({d}) {x}.argmax({d},True) {x}.aminmax()[0] {x}.aminmax(dim={d})[1]
{x}.logsumexp({d}) {x}.logsumexp(({d},{e})) {x}.softmax({d}) {x}.log_softmax({d}) F.softmin({x},{d}) {x}.norm() {x}.norm(1) {x}.norm(2,{d})
{x}.norm(3,{d},True) {x}.norm(float('inf'),{d}) {x}.norm(0,{d}) {x}.norm('fro') t.linalg.norm({x}) t.linalg.vector_norm({x},{s},{d})
t.linalg.vector_norm({x},2,({d},{e}))
{x}.cumsum({d}) {x}.cumprod({d}) {x}.logcumsumexp({d}) {x}.cummax({d})[0] {x}.cummin({d})[0] {x}.cummax({d})[1] {x}.diff(dim={d})
{x}.diff(n=2,dim={d}) {i}.cumsum({d}) {m}.cumsum({d}) {x}.flip({d}).cumsum({d}).flip({d})
{x}.sort({d})[0] {x}.sort({d},descending=True)[0] {x}.argsort({d}) {x}.sort({d},descending=True)[1] {x}.topk({n},{d})[0]
{x}.topk({n},{d},largest=False)[0] {x}.kthvalue({n1},{d})[0] {x}.median() {x}.median({d})[0] {x}.quantile(0.3,{d}) {x}.quantile(0.5) {x}.msort()
{x}.nanmean({d}) {x}.nansum({d}) {x}.mode({d})[0] {x}.nanmedian({d})[0]
{m}.any() {m}.all({d}) {m}.sum() {m}.sum({d}) {m}.any({d},True) {x}.count_nonzero({d}) {i}.sum() {i}.max() {i}.sum({d}) {i}.amax({d}) {i}.prod({d})
{i}.float().mean({d}) t.dist({x},{y}) {x}.trace() {x}.renorm(2,{d},1.0) t.trapezoid({x},dim={d}) {x}.nansum() {i}.argmax({d}) {i}.sort({d})[0]
{i}.cumprod({d})
F.normalize({x},dim={d}) F.cosine_similarity({x},{y},dim={d}) F.pairwise_distance({x},{y}) F.layer_norm({x},{x}.shape[-1:])
F.layer_norm({x},{x}.shape[-1:],{y},{z}) F.layer_norm({x},{x}.shape[-2:]) F.rms_norm({x},{x}.shape[-1:]) F.batch_norm({x},None,None,training=True)
F.group_norm({x},1) F.instance_norm({x}) F.local_response_norm({x},3) t.cdist({x},{y}) F.group_norm({x},{x}.shape[1])
"""

MOVED = """
{x}.t() {x}.mT {x}.T {x}.transpose({d},{e}) {x}.permute({perm}) {x}.movedim({d},{e}) {x}.swapaxes({d},{e}) {x}.reshape(-1) {x}.view(-1) {x}.flatten()
{x}.flatten({d}) {x}.reshape({h}) {x}.view({h}) {x}.unsqueeze({d}) {x}.unsqueeze(-1) {x}.squeeze() {x}.squeeze({d}) {x}[None] {x}.expand(3,*{x}.shape)
{x}.expand_as({y}) {x}.broadcast_to({y}.shape) {x}.unflatten({d},(-1,1)) {x}.view_as({x}) {x}.ravel() {x}.unsqueeze(0).expand(2,*[-1]*{x}.dim())
{x}[{k}] {x}[{k}:] {x}[:{k}] {x}[::2] {x}[1::3] {x}[...,{kl}] {x}[...,::2] {x}[...,1:] {x}[...,:-1] {x}[:,{k}] {x}[:,1:3] {x}[:,None] {x}[...,None]
{x}[{k}:,...,1:] {x}[:,-1:] {x}[...,None,:] {x}.narrow({d},0,{n}) {x}.select({d},{k0}) {x}.diagonal() {x}.diagonal(1)
{x}.diagonal(offset=-1,dim1={d},dim2={e}) {x}.unfold({d},2,1) {x}.unfold({d},{n1},2) {x}.clone().contiguous().as_strided((2,2),(1,2))
{x}.clone().contiguous().as_strided((3,),(1,),1) {x}.unbind({d})[0] {x}.split(2,{d})[-1] {x}.split(1,{d})[0] {x}.chunk(2,{d})[0]
{x}.tensor_split(3,{d})[1] {x}.chunk(3,{d})[-1] {x}.hsplit(2)[0] {x}.view_as({y}) {x}.split([1,{x}.shape[{d}]-1],{d})[1] {x}[0:0]
{x}.permute(*reversed(range({x}.dim())))
"""

JOINED = """
{x}.flip({d}) {x}.flip(({d},{e})) {x}.roll(1) {x}.roll({r},{d}) {x}.roll((1,-2),({d},{e})) {x}.repeat(2,*[1]*{x}.dim()) {x}.repeat_interleave(2,{d})
{x}.tile(2) {x}.tile((2,1)) {x}.rot90(1,({d},{e})) {x}.tril() {x}.triu(1) {x}.tril({r}) t.tril({x},-1) {x}.diag() {x}.flatten()[:9].diag_embed() t.diagflat({x}.flatten()[:9])
{x}.fliplr()
t.cat([{x},{y}]) t.cat([{x},{y}],{d}) t.cat([{x},{x}],{d}) t.cat([{x},{y},{z}],-1) t.stack([{x},{y}]) t.stack([{x},{x}],{d}) t.stack([{x},{y}],-1)
t.hstack([{x},{y}]) t.vstack([{x},{y}]) t.cat([{x}[1:],{y}[:1]]) t.stack({x}.unbind({d}),{e}) t.cat({x}.split(1,{d}),{e}) t.block_diag({x},{y})
t.cat({x}.chunk(2,{d})[::-1],{d}) sum({x}.unbind({d})) sum({x}.split(2,{d})[:1]) t.meshgrid({x}.flatten()[:9],{y}.flatten()[:5],indexing='ij')[0]
t.outer({x}.flatten()[:5],{y}.flatten()[:4]) t.kron({x}.flatten()[:7],{y}) t.broadcast_tensors({x},{y})[0]
F.pad({x},(1,2)) F.pad({x},(1,0,2,1)) F.pad({x},(-1,2)) F.pad({x},(1,1),value={s}) F.pad({x},(1,1),mode='reflect') F.pad({x},(2,1),mode='replicate')
F.pad({x},(1,1),mode='circular') F.pad({x},(1,2,1,0),mode='reflect') F.pad({x},(0,-1,1,1)) F.pad({x},(1,2,1,0),mode='replicate')
F.pad({x},(2,0,0,1),mode='circular') F.pixel_shuffle({x},2) F.unfold({x},2) F.one_hot({i}) F.one_hot({x}.argmax({d})).float() F.channel_shuffle({x},2)
F.pixel_unshuffle({x},2) F.fold({x},(3,3),2)
{x}[{it}] {x}[:,{it}] {x}[{it},{it}] {x}[...,{it}] {x}[{it}[:,None],{it}] {x}[{it},1:] {x}[{it},:,{it}] {x}[{x}>{s}] {x}[{m}] {x}[{x}.argmax(0)]
{x}.index_select({d},{it}) {x}.gather({d},{x}.argsort({d})) {x}.gather({d},{x}.argmax({d},True)) {x}.take({it})
{x}.take_along_dim({x}.argsort({d}),{d}) {x}.masked_select({x}>{s}) {x}[{it},None] {x}[None,{it}] {x}[{x}.abs().sum(tuple(range(1,{x}.dim())))>1]
{x}[{i}] F.embedding({i}%{x}.shape[0],{x}) F.embedding({it},{x},padding_idx=0) F.embedding_bag({it}[None],{x})
F.embedding_bag({it}[None],{x},mode='max') {x}[{i}%{x}.shape[0]] {x}[t.arange({x}.shape[0]),{x}.argmax(-1)] {x}[[0,-1]] {x}[...,[0]]
{x}[[True]*{x}.shape[0]] {i}[{it}] {m}[{it}] {i}.gather({d},{i}.argsort({d})) {x}.gather({d},{i}) {x}[{m},...] {x}[:,{m}]
t.zeros_like({x}).scatter({d},{x}.argsort({d}),{x}) {x}.scatter({d},{x}.argmax({d},True),{s}) {x}.scatter_add({d},{x}.argsort({d}),{x}*2)
{x}.scatter({d},{x}.argsort({d}),{s},reduce='add') {x}.index_add({d},{it},{x}.index_select({d},{it}))
{x}.index_add({d},{it},{x}.index_select({d},{it}),alpha={s}) {x}.index_fill({d},{it},{s}) {x}.index_copy({d},{iu},{x}.index_select({d},{iu})*2)
{x}.scatter_reduce({d},{x}.argsort({d}),{y},'sum') {x}.scatter_reduce({d},{x}.argmax({d},True),{y},'amax')
{x}.index_put(({it},),{s}) {x}.index_put(({it},),{x}[{it}],accumulate=True) {x}.masked_scatter({x}>{s},{y})
{x}.index_reduce({d},{it},{x}.index_select({d},{it}),'amax') {x}.select_scatter({y},{d},0) {x}.slice_scatter({x}[1:]*2,0,1)
{x}.diagonal_scatter({x}.diagonal()*2) t.zeros_like({x}).scatter_add({d},{i},{x})
t.searchsorted({x}.flatten().sort()[0].detach(),{y}.detach()) t.bucketize({x}.detach(),t.tensor([-1.0,0.0,1.0])) {i}.flatten().bincount()
{i}.flatten().bincount(minlength=9) t.tensor([1.0,2.0])+{x}.sum() t.linspace(0,1,5)*{s} t.arange(6)[{it}] t.histc({x},4)
"""

MULTIPLIED = """
{x}@{y} {x}@{x}.mT {x}.mT@{x} {x}@{y}.mT {x}.mT@{y} {x}.mT@{y}.mT t.matmul({x},{y}) t.mm({x},{y}) t.bmm({x},{x}.mT) {x}.mv({y}) {x}.dot({y})
t.addmm({y},{x},{x}.mT,beta={s}) t.baddbmm({x}@{x}.mT,{x},{x}.mT,alpha={s}) F.linear({x},{w:linear}) F.linear({x},{w:linear},{w:out})
F.linear({x},{x}) F.linear({x},{y}) t.einsum('ij,kj->ik',{x},{y}) t.einsum('ij->ji',{x}) t.einsum('ij,ij->i',{x},{x})
t.einsum('...i,...i->...',{x},{x}) t.einsum('bij,bkj->bik',{x},{x}) t.einsum('ij,j',{x},{y}) t.einsum('i,j->ij',{x},{y}) t.einsum('ii->i',{x})
t.einsum('bij,bjk,b->ik',{x},{x}.mT,{x}[:,0,0]) t.einsum('ij,jk,kl->il',{x},{x}.mT,{x}) t.tensordot({x},{x},1) t.tensordot({x},{x},([0],[0]))
{x}.inner({y}) t.chain_matmul({x},{x}.mT,{x}) t.linalg.multi_dot([{x},{x}.mT,{x}]) t.addmv({y},{x},{z}) t.addr({x},{y},{z}) {x}.matrix_power(2)
t.cross({x},{y},dim={d}) t.linalg.cross({x},{y}) F.bilinear({x},{x},{w:bilinear}) F.scaled_dot_product_attention({x},{x},{x})
F.scaled_dot_product_attention({x},{y},{z},is_causal=True)
F.scaled_dot_product_attention({x},{x},{x},attn_mask=t.ones({x}.shape[-2],{x}.shape[-2]).tril().bool()) {c}@{c}.mT ({x}@{x}.mT).softmax(-1)@{x}
({x}@{x}.mT+t.eye({x}.shape[-2]).to({x}.dtype)*9).inverse() t.linalg.det({x}@{x}.mT)
t.linalg.solve({x}@{x}.mT+t.eye({x}.shape[-2]).to({x}.dtype)*5,{x}) {x}.view(-1).dot({x}.view(-1)) {i}@{i}.mT
F.conv1d({x},{w:conv1}) F.conv1d({x},{w:conv1},{w:out},padding=1) F.conv1d({x},{w:conv1},stride=2,dilation=2) F.conv2d({x},{w:conv2})
F.conv2d({x},{w:conv2},{w:out},padding=1) F.conv2d({x},{w:conv2},stride=2,padding=1) F.conv2d({x},{w:conv2},padding='same')
F.conv2d({x},{w:depth2},groups={x}.shape[1],padding=1) F.conv2d({x},{w:conv2},dilation=(1,2),padding=(2,1)) F.conv_transpose2d({x},{w:convt2})
F.conv_transpose2d({x},{w:convt2},stride=2,output_padding=1) F.conv_transpose1d({x},{w:convt1},stride=2,padding=1)
F.conv1d({x},{w:depth1},groups={x}.shape[1]) F.conv3d({x},{w:conv3},padding=1)
F.max_pool1d({x},2) F.max_pool2d({x},2) F.max_pool2d({x},3,1,1) F.max_pool2d({x},2,ceil_mode=True) F.max_pool2d({x},3,2,1,return_indices=True)[1]
F.avg_pool1d({x},2) F.avg_pool2d({x},2) F.avg_pool2d({x},3,1,1) F.avg_pool2d({x},3,2,1,count_include_pad=False) F.avg_pool2d({x},2,ceil_mode=True)
F.adaptive_avg_pool2d({x},(1,2)) F.adaptive_avg_pool2d({x},(2,3)) F.adaptive_avg_pool1d({x},3) F.adaptive_max_pool2d({x},2) F.adaptive_max_pool1d({x},2)
F.lp_pool2d({x},2,2) F.lp_pool1d({x},3,2) F.interpolate({x},scale_factor=2) F.interpolate({x},scale_factor=2,mode='bilinear')
F.interpolate({x},size=(5,4),mode='bilinear',align_corners=True) F.interpolate({x},size=5,mode='linear') F.interpolate({x},size=(3,3),mode='area')
F.interpolate({x},size=(7,5),mode='bicubic') F.interpolate({x},size=7,mode='nearest-exact') F.max_pool1d({x},3,dilation=2) F.avg_pool3d({x},2)
F.max_pool3d({x},2)
F.batch_norm({x},{k:zeros},{k:ones},training=True,momentum=0.3) F.batch_norm({x},{k:zeros},{k:ones},{w:channel},{w:channel})
F.batch_norm({x},{k:zeros},{k:ones},{w:channel},{w:channel},training=True) F.group_norm({x},1,{w:channel},{w:channel})
F.instance_norm({x},weight={w:channel}) F.layer_norm({x},{x}.shape[-1:],{w:last},{w:last}) F.rms_norm({x},{x}.shape[-1:],{w:last})
F.prelu({x},{w:channel}) F.embedding({i}%5,{w:table}) F.embedding({it},{w:table},max_norm=1.0)
"""

LOSSES = """
F.mse_loss({x},{y}) F.mse_loss({x},{x}.detach()*2,reduction='{red}') F.l1_loss({x},{y}) F.smooth_l1_loss({x},{y},beta=0.5,reduction='{red}')
F.huber_loss({x},{y},delta=0.7) F.cross_entropy({x},{x}.detach().argmax(1))
F.cross_entropy({x},{x}.detach().argmin(1),reduction='{red}',label_smoothing=0.1) F.cross_entropy({x},{x}.detach().argmin(1),ignore_index=0)
F.cross_entropy({x},{x}.detach().argmin(1),weight={w:channel}.detach().abs(),reduction='{red}')
F.cross_entropy({x},{x}.detach().softmax(1),reduction='{red}') F.nll_loss({x}.log_softmax(1),{x}.detach().argmin(1),reduction='{red}')
F.nll_loss({x}.log_softmax(1),{x}.detach().argmin(1),ignore_index=1,weight={w:channel}.detach().abs())
F.cross_entropy({x}.flatten(0,-2),{x}.detach().flatten(0,-2).argmin(1)) F.cross_entropy({x},{x}.detach().argmin(1).clamp(max=1)*101-100)
F.cross_entropy({x},({x}.detach()*1.5).softmax(1),weight={w:channel}.detach().abs(),label_smoothing=0.2)
F.binary_cross_entropy_with_logits({x},{y}.detach().sigmoid())
F.binary_cross_entropy_with_logits({x},{x}.detach().sigmoid().round(),pos_weight={s}*t.ones_like({x}).detach(),reduction='{red}')
F.binary_cross_entropy({x}.sigmoid(),{x}.detach().sigmoid().round(),reduction='{red}')
F.binary_cross_entropy({x}.sigmoid(),{x}.detach().sigmoid().round(),weight={y}.detach().abs())
F.kl_div({x}.log_softmax(-1),{x}.detach().softmax(-1),reduction='batchmean')
F.kl_div({x}.log_softmax(-1),{x}.detach().log_softmax(-1)*1.1,log_target=True,reduction='{red}') F.poisson_nll_loss({x},{x}.detach().abs())
F.gaussian_nll_loss({x},{y}.detach(),{x}.detach().abs()+0.1) F.soft_margin_loss({x},{x}.detach().sign())
F.hinge_embedding_loss({x},{x}.detach().sign(),reduction='{red}') F.margin_ranking_loss({x},{y},({x}-{y}).detach().sign(),margin=0.1)
F.triplet_margin_loss({x},{y},{z}) F.cosine_embedding_loss({x},{y},{x}.detach()[:,0].sign()) F.multi_margin_loss({x},{x}.detach().argmin(1))
F.multilabel_soft_margin_loss({x},{x}.detach().sigmoid().round()) ({x}.softmax(-1)*{x}.log_softmax(-1)).sum(-1).mean()
F.multilabel_margin_loss({x},{x}.detach().argsort(-1))
"""

WRITES = """
{x}.mul_({s}) {x}.add_({s}) {x}.add_({y}) {x}.mul_({y}) {x}.sub_({y},alpha={s}) {x}.div_({y}.abs()+1) {x}.sin_() {x}.tanh_() {x}.sigmoid_()
{x}.relu_() {x}.neg_() {x}.zero_() {x}.fill_({s}) {x}.copy_({y}) {x}.clamp_(-1,1) {x}.abs_() {x}.square_() {x}.pow_(2) {x}.lerp_({y},{s})
{x}.addcmul_({y},{z}) {x}.addcdiv_({y},{z}.abs()+1,value={s}) {x}.exp_().clamp_(max=5) {x}.masked_fill_({x}>{s},{s}) {x}.masked_fill_({m},{s})
{x}.index_fill_({d},{it},{s}) {x}.index_add_({d},{it},{y}) {x}.index_copy_({d},{iu},{y}) {x}.scatter_({d},{x}.argmax({d},True),{s})
{x}.scatter_add_({d},{x}.argsort({d}),{x}.clone()) {x}.tril_() {x}.triu_(1) {x}.fill_diagonal_({s}) {x}.cumsum_({d}) {x}.t_() {x}.unsqueeze_({d})
{x}.squeeze_() {x}.transpose_({d},{e}) {x}.index_put_(({it},),{y}) {x}.uniform_() {x}.normal_() {x}.bernoulli_(0.5) {x}.round_() {x}.addmm_({y}*1,{z}*1)
{x}.put_({it},{y}) {x}.nan_to_num_() {x}.mul_({i}) {x}.clamp_(min={y}) {x}.data.mul_(1.5) {x}.detach().mul_(0.5)
{x}.masked_scatter_({x}>0,{y}.clone()) {x}.swapaxes_({d},{e}) {x}.exponential_() {x}.resize_({h}) {i}.add_(1) {i}.mul_(2) {m}.logical_not_() {m}.fill_(True)
{x}.baddbmm_({y}*1,{z}*1) {x}.fmod_(2) {x}.copysign_({y}) {x}.renorm_(2,{d},1.0) {x}.requires_grad_()
{x}[{k}]={s} {x}[{k}]={y} {x}[1:]={s} {x}[1:]={y} {x}[:,{k}]={y} {x}[...,{kl}]={s} {x}[{x}>{s}]={s} {x}[{x}>{s}]*=2 {x}[{it}]={y} {x}[{it}]+={s}
{x}[:,{it}]={s} {x}[::2]*={s} {x}[...,1:]+={y} {x}[{m}]={s} {x}[{it},{it}]={y} {x}[:]={y} {x}[...]={s} {x}+={y} {x}*={y} {x}-={s} {x}/={s}
{x}[0].add_(1) {x}[:,0].mul_({y}) {x}.t().mul_({s}) {x}.diagonal().fill_({s}) {x}.view(-1)[1:].mul_({s}) {x}.narrow({d},0,{n}).zero_()
{x}.select({d},0).copy_({y}) {x}.unbind({d})[0].mul_(2) {x}.chunk(2,{d})[0].add_({y}) {x}[1:]=+{x}[:-1].clone() {x}.transpose({d},{e})[0]={s}
{x}[:,1:3]={y} {x}[None,...,0]+={s} {x}[1:][::2].sub_(1) {x}[{k}][{k0}]={s} {x}.T[0]+={y} {x}[-1]={x}[0].clone() {x}[{it},1:]={s}
{x}.unfold({d},2,2).mul_({s}) {x}.reshape(-1).mul_({s}) {x}[{it}]={x}[{it}].flip(0)
t.add({x},{y},out={z}) t.mul({x},{y},out={z}) t.exp({x}.clamp(max=3),out={y}) t.matmul({x}+0,{x}.mT*1,out={z}) t.cat([{x}+0,{x}+1],out={z})
t.sum({x}+0,{d},out={y}) t.sin({x},out={x}) t.clamp({x},-1,1,out={y}) t.stack([{x}+0,{x}+1],out={z}) t.cumsum({x},{d},out={x})
t.mean({x}+0,{d},out={y}) t.where({x}>0,{x},{y},out={z})
"""

LOOPS = """
for i in range(n): {v} = {x}.tanh()+i
for i in range(n): {x} = {x}*{s}+{y}
for i in range(n): {x}.mul_({s}).add_(i)
for i in range(n): {x}[i] = {s}
{x} = {x}[n:]
{v} = {x}*n
{v} = {x}.roll(n,{d})
{v} = {x}[...,:n]
if n > 2: {x} = {x}.sin()
if {x}.shape[0] > 2: {x} = {x}[1:]
for i in range({x}.shape[0]): {x}[i].mul_(i+1)
for i in range(n): {x} = F.dropout({x},0.2)+{x}
for i in range({x}.shape[0]): {x}[i] = {x}[i-1]*{s}+{x}[i]
for i in range(1,{x}.shape[0]): {x}[i].add_({x}[i-1],alpha={s})
for part in {x}.split(1): part.mul_(part.detach().sum().sign())
for i,part in enumerate({x}.unbind(0)): {y}[i] = part*{s}
{v} = sum({x}[i]*i for i in range({x}.shape[0]))
{v} = t.stack([{x}[i]*{s} for i in range({x}.shape[0])])
{v} = t.cat([{x}[i:i+2] for i in range(n)])
{v} = t.full((n,2),{s})
{v} = {x}.sum().item()*{y}
{v} = {x}.topk(n-1,{d})[0]
{v},{u} = {x}.max({d})
{v},{u} = {x}.sort({d})
{v},*_ = {x}.unbind({d})
{v},{u} = t.var_mean({x},{d})
{v},{u} = {x}.topk(2,{d})
{v},{u} = t.broadcast_tensors({x},{y})
{v},{u} = t.aminmax({x})
{v},{u} = F.max_pool2d({x},2,return_indices=True)
with t.no_grad(): {v} = {x}*{s}
with t.no_grad(): {x}.mul_({s})
with t.no_grad(): {x}.copy_({y})
with t.no_grad(): {x}[0] = {s}
with t.enable_grad(): {v} = {x}.sin()
with t.autocast('cpu',t.bfloat16): {v} = {x}@{x}.mT
{v}, = t.autograd.grad({x}.square().sum(), {x}, create_graph=True)
{v} = t.autograd.grad({x}.sin().mul({y}).sum(), {x}, create_graph=True)[0]
{v} = t.utils.checkpoint.checkpoint(lambda u: u.sin(), {x}, use_reentrant=False)
"""

MADE = """
({v}:=t.zeros_like({x}))[1:]={x}[:-1] ({v}:={x}.clone())[0]={s} ({v}:={x}.clone())[:,0]*={s} ({v}:=t.zeros({x}.shape)).add_({x}) ({v}:={x}+0).relu_()
({v}:=t.empty_like({x})).copy_({y}) ({v}:={x}.detach().clone()).mul_({y}) ({v}:={x}.clone()).masked_fill_({m},0) ({v}:={x}*1).view(-1)[::2].zero_()
({v}:={x}.new_zeros({x}.shape)).scatter_add_({d},{x}.argsort({d}),{x}) ({v}:=t.zeros(n,*{x}.shape))[n-1]={x} ({v}:=t.full({x}.shape,{s}))[...,1:]+={x}[...,:-1]
({v}:={x}.unsqueeze(0).repeat(n,*[1]*{x}.dim()))[0].mul_({y}) ({v}:={x}.flatten().clone())[{x}.numel()//2:]*={s} ({v}:={x}.softmax(-1).clone()).select(-1,0).zero_()
({v}:={x}.mT.contiguous())[...,0]={s} ({v}:=t.cat([{x},{x}]))[{k}]={y} ({v}:={x}.clone().transpose({d},{e})).mul_({y}) ({v}:={x}.clone())[{it}]+={s}
"""

KINDS = {
    "pointwise": (POINTWISE.split(), 5), "reduced": (REDUCED.split(), 5), "moved": (MOVED.split(), 5), "joined": (JOINED.split(), 4),
    "multiplied": (MULTIPLIED.split(), 3), "losses": (LOSSES.split(), 1), "writes": (WRITES.split(), 5), "made": (MADE.strip().replace("\n", " ").split(), 2),
    "loops": (LOOPS.strip().split("\n"), 1),
}  # fmt: skip

UNIQUE = re.compile("topk|kthvalue|median|mode|quantile|sort|cummax|cummin|scatter_reduce|index_reduce|max_pool")
"""Of equals PyTorch chooses one of which it says nothing."""


# --------------------------------------------------------------------------------------------------------------- inputs


def numbers(given, shape, call, seed):
    """What ``given`` holds at a call."""
    source = numpy.random.default_rng([seed, call, *given.name.encode()])
    if given.values == "nice":
        return source.integers(-4, 5, shape) / 2
    if given.values == "index":
        return source.integers(0, 4, shape)
    if given.values in ("zeros", "ones"):
        return numpy.full(shape, float(given.values == "ones"))
    found = source.standard_normal(shape)
    return found + 1j * source.standard_normal(shape) if given.dtype.startswith("complex") else found


def laid(t, array, given, call):
    """A tensor of ``array``'s numbers that lies in memory as ``given.layout`` says; how far behind its beginning, is by the call."""
    def of(array):
        x = t.from_numpy(numpy.array(array, order="C"))
        return x > 0 if given.dtype == "bool" else x.to(getattr(t, given.dtype)).clone()

    if given.layout == "transposed":
        return of(array.T).permute(*reversed(range(array.ndim)))
    if given.layout == "swapped":
        return of(array.swapaxes(-1, -2)).mT
    if given.layout == "gaps":
        return of(numpy.repeat(array, 2, -1))[..., ::2]
    if given.layout == "offset":
        return of(numpy.concatenate([*[array[:1]] * (call % 3 + 1), array]))[call % 3 + 1 :]
    if given.layout == "expanded":
        return of(array[:1]).expand(array.shape)
    if given.layout == "channels_last":
        return of(array).contiguous(memory_format=t.channels_last)
    return of(array)


def tensor_of(t, given, call, seed, resized=()):
    shape = tuple(resized[1] if resized and size == resized[0] else size for size in given.shape)
    x = laid(t, numbers(given, shape, call, seed), given, call).detach()
    return x.requires_grad_() if given.wants_gradient else x


def some_input(choose, name, sizes, kept):
    dtype = choose.choices(["float32", "float64", "bfloat16", "float16", "int64", "bool", "complex64", "int32"], [70, 14, 4, 3, 8, 4, 2, 2])[0]
    rank = choose.choices([0, 1, 2, 3, 4], [1, 3, 7, 4, 3])[0]
    shape = tuple(choose.choice(sizes) for _ in range(rank))
    layouts = ["plain"] * 6 + (["transposed", "gaps", "offset"] if rank and 0 not in shape else [])
    layouts += ["swapped", "swapped"] if rank > 2 else []
    layouts += ["expanded"] if rank and 0 not in shape else []
    layouts += ["channels_last"] if rank == 4 else []
    layout = "plain" if kept else choose.choice(layouts)
    values = "index" if dtype.startswith("int") else "normal" if choose.random() < 0.85 else "nice"
    wants = dtype.startswith(("float", "bfloat", "complex")) and choose.random() < (1 if kept else 0.5)
    return Given(name, shape, dtype, layout, values, kept, wants)


def weight(choose, kind, x, name):
    """A kept tensor of the shape that an operation of this kind wants beside ``x``."""
    channels, k, out = x.shape[1] if x.dim() > 1 else 1, choose.choice([1, 2, 3]), choose.choice([1, 3, 4])
    shape = {
        "linear": (3, x.shape[-1] if x.dim() else 1), "out": (3,), "bilinear": (2, x.shape[-1] if x.dim() else 1, x.shape[-1] if x.dim() else 1),
        "conv1": (3, channels, k), "conv2": (3, channels, k, k), "conv3": (3, channels, 2, 2, 2), "depth1": (channels, 1, k), "depth2": (channels, 1, k, k),
        "convt1": (channels, out, 3), "convt2": (channels, out, 3, 3), "channel": (channels,), "last": x.shape[-1:], "table": (5, 3),
        "zeros": (channels,), "ones": (channels,),
    }[kind]  # fmt: skip
    dtype = str(x.dtype).removeprefix("torch.")
    constant = kind in ("zeros", "ones")
    return Given(name, tuple(shape), dtype, "plain", kind if constant else "normal", True, not constant)


# --------------------------------------------------------------------------------------------------------------- growing


class Growing:
    """A program so far, and what its names hold under PyTorch."""

    def __init__(self, seed):
        self.choose = choose = random.Random(seed)
        sizes = choose.choices([1, 2, 3, 4, 5, 7, 8, 13, 17, 33, 70], [2, 4, 6, 6, 6, 5, 4, 2, 2, 1, 0.5], k=choose.choice([2, 3]))
        if choose.random() < 0.04:
            sizes.append(0)
        count = choose.choice([1, 2, 2, 3])
        args = [some_input(choose, "abc"[i], sizes, False) for i in range(count)]
        kept = [some_input(choose, "pq"[i], sizes, True) for i in range(choose.choice([0, 1, 2]))]
        self.inputs, self.lines, self.seed = args + kept, [], seed
        self.use = choose.choices(["inference", "outside", "step", "plain"], [2, 4, 3, 1])[0]
        self.wild = choose.random() < 0.06
        self.fresh = 0
        self.replay()

    def replay(self):
        self.scope = scope_of(torch, self.inputs, self.seed)
        torch.manual_seed(self.seed)
        for line in self.lines:
            self.execute(line)

    def execute(self, line):
        with torch.set_grad_enabled(self.use != "inference"), warnings.catch_warnings():
            warnings.filterwarnings("error", "An output with one or more elements was resized")  # and others lose sight of it
            exec(line, self.scope)

    def named(self, wanted):
        return [name for name, x in self.scope.items() if len(name) < 4 and isinstance(x, torch.Tensor) and wanted(x)]

    def filled(self, template):
        """The template with its holes filled, and the inputs that it needs anew; None where nothing fits."""
        choose, added = self.choose, []
        floats = self.named(lambda x: x.is_floating_point())
        if not floats:
            return None
        recent = floats[-4:]
        x = choose.choice(recent if choose.random() < 0.7 else floats)
        tensor = self.scope[x]
        shape = tuple(tensor.shape)
        rank = len(shape)
        like = [name for name in floats if fits(self.scope[name].shape, shape)] or floats
        d = choose.randrange(-rank, rank) if rank else 0
        size = shape[d] if rank else 1
        places = choose.choices(range(-size, size), k=choose.choice([1, 2, 3])) if size else []

        def fill(match):
            hole, _, kind = match[1].partition(":")
            if hole in ("w", "k") and kind:
                name = f"w{len(self.inputs) + len(added)}"
                added.append(weight(choose, kind, tensor, name))
                return name
            if hole in ("m", "i", "c"):
                named = self.named({"m": lambda x: x.dtype == torch.bool, "i": lambda x: x.dtype == torch.int64, "c": torch.is_complex}[hole])
                other = {"m": f"({x}>0)", "i": f"{x}.long()", "c": f"t.complex({x}.double(),{x}*2.0)" if tensor.dtype == torch.float64 else f"t.complex({x}.float(),{x}.float()*2)"}[hole]
                return choose.choice(named) if named and choose.random() < 0.8 else other
            return str({
                "x": lambda: x, "y": lambda: choose.choice(like if choose.random() < 0.85 else floats), "z": lambda: choose.choice(like),
                "d": lambda: d, "e": lambda: choose.randrange(-rank, rank) if rank else 0, "n": lambda: choose.randint(1, size or 1),
                "n1": lambda: choose.randint(1, min(size, 3) or 1), "k": lambda: choose.randrange(-shape[0], shape[0]) if rank and shape[0] else 0,
                "kl": lambda: choose.randrange(-shape[-1], shape[-1]) if rank and shape[-1] else 0, "k0": lambda: choose.choice([0, -1]),
                "s": lambda: choose.choice([0.5, 2.0, -1.5, 0.1, 3, -1, 0.0, 1]), "r": lambda: choose.choice([1, -1, 2, -3, 5]),
                "it": lambda: f"t.tensor({places})" if places else "t.tensor([],dtype=t.int64)",
                "iu": lambda: f"t.tensor({choose.sample(range(size), choose.randint(1, size)) if size else []},dtype=t.int64)",
                "red": lambda: choose.choice(["mean", "sum", "none"]), "perm": lambda: ",".join(map(str, choose.sample(range(rank), rank))),
                "h": lambda: another_shape(choose, tensor.numel()), "v": lambda: self.new(), "u": lambda: self.new(),
            }[hole]())  # fmt: skip

        if "out=" in template and any(overlap(self.scope[other], tensor) for other in (*like,) if other != x):
            return None
        if UNIQUE.search(template) and any(given.values == "nice" for given in self.inputs):
            return None
        if UNIQUE.search(template) and len(set(tensor.detach().flatten().tolist())) != tensor.numel():
            return None
        return re.sub(r"{([\w:]+)}", fill, template), added

    def new(self):
        self.fresh += 1
        return f"v{self.fresh}"

    def grow(self):
        """One more line, or none where no try succeeds."""
        for _ in range(40):
            kind = self.choose.choices(list(KINDS), [often for _, often in KINDS.values()])[0]
            filled = self.filled(self.choose.choice(KINDS[kind][0]))
            if filled is None:
                continue
            text, added = filled
            line = text if kind in ("writes", "loops", "made") else f"{self.new()} = {text}"
            if self.tried(line, added):
                return True
        return False

    def tried(self, line, added):
        before = dict(self.scope)
        self.scope.update({given.name: tensor_of(torch, given, 0, self.seed) for given in added})
        try:
            self.execute(line)
        except Exception:
            if self.choose.random() < 0.004:  # a refusal is worth seeing now and then
                self.lines.append(line)
                self.inputs += added
                self.refused = True
                return True
        else:
            if all(self.moderate(x) for x in self.scope.values() if isinstance(x, torch.Tensor)):
                self.lines.append(line)
                self.inputs += added
                return True
        if line.startswith("v"):
            self.scope = before
        else:
            self.replay()
        return False

    refused = False

    def moderate(self, x):
        if x.numel() > 20000:
            return False
        if self.wild or not (x.is_floating_point() or x.is_complex()) or not x.numel():
            return True
        return bool(x.detach().abs().max() < 1000)  # and so no NaN


def overlap(one, other):
    """Whether the two lie in the same memory."""
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def fits(shape, other):
    """Whether the two broadcast."""
    return all(a == b or 1 in (a, b) for a, b in zip(shape[::-1], other[::-1], strict=False))


def another_shape(choose, count):
    parts = [k for k in range(1, count + 1) if count % k == 0] or [0]
    k = choose.choice(parts)
    return (k, count // k) if k else (0,)


def grown(seed, most=9):
    """The program of this seed."""
    growing = Growing(seed)
    for _ in range(growing.choose.randint(1, most)):
        if growing.refused or not growing.grow():
            break
    kept = {size for given in growing.inputs if given.kept for size in given.shape}
    sizes = sorted({size for given in growing.inputs if not given.kept for size in given.shape} - kept)
    resized = (growing.choose.choice(sizes), growing.choose.choice([2, 3, 5, 6, 9, 19])) if sizes and growing.choose.random() < 0.4 else ()
    optimizer = growing.choose.choice(["SGD(held,lr=0.05,momentum=0.9)", "Adam(held,lr=0.01)", "AdamW(held)", "RMSprop(held)", "SGD(held,lr=0.1)"])
    return Program(growing.inputs, growing.lines, growing.use, optimizer, resized, seed)


# --------------------------------------------------------------------------------------------------------------- as text


def scope_of(t, inputs, seed):
    """The names that a program's lines see, at its first call."""
    return {"t": t, "F": t.nn.functional, "n": 2, **{given.name: tensor_of(t, given, 0, seed) for given in inputs}}


def source(program):
    """The program as a Python function, ``program``."""
    args = [given.name for given in program.inputs if not given.kept]
    names = re.findall(r"\bv\d+\b", "\n".join(line.partition("=")[0] for line in program.lines))
    choose = random.Random(program.seed)
    returned = [name for name in dict.fromkeys(names) if choose.random() < 0.4 or name in names[-2:]] + choose.sample(args, min(1, len(args)))
    lines = [*program.lines, f"found = [{', '.join(returned)}]"]
    if program.use == "step":
        lines += ["optimizer.zero_grad()", "loss = objective(found)", "loss.backward()", "optimizer.step()", "found.append(loss.detach())"]
    return f"def program({', '.join([*args, 'n'])}):\n" + "".join(f"    {line}\n" for line in [*lines, "return found"])
