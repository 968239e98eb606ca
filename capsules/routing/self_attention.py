"""Self-attention routing (Mazzia, Salvetti, Chiaberge 2021, arXiv:2101.12491)."""

import keras
import tensorflow as tf

from capsules.ops import exponential_squash
from capsules.routing.routing import Routing, RoutingSteps


@keras.saving.register_keras_serializable(package="capsules")
class SelfAttentionRouting(Routing):
    """The routing of Efficient-CapsNet: votes agree with each other, in one pass.

    A vote for capsule j counts the more, the more it agrees with the sum of all votes for j,
    itself among them:

        a[i, j] = votes[i, j] . sum_k votes[k, j] / sqrt(atoms)
        c[i, :] = softmax(a[i, :])
        s[j]    = sum_i (c[i, j] + bias[i, j]) votes[i, j]
        v[j]    = exponential_squash(s[j])

    The softmax is over the output capsules. The bias, the paper's log prior, is not a logit: as in
    the authors' code, it joins the coupling coefficients after the softmax. To start as they do,
    with biases of 0 and a variance of weights of 2 / (in_caps * in_atoms * out_caps):

    >>> layer = ClassCapsules(10, routing=SelfAttentionRouting(), bias_initializer="zeros",
    ...                       kernel_initializer=keras.initializers.VarianceScaling(2 / 10))
    """

    def bias_shape(self, in_caps, out_caps, atoms):
        return in_caps, out_caps

    def steps(self, votes, biases):
        sums = tf.reduce_sum(votes, axis=1)                         # [batch, out_caps, atoms]
        agreements = tf.einsum("bija,bja->bij", votes, sums) / votes.shape[-1]**0.5
        couplings = tf.nn.softmax(agreements)
        sums = tf.einsum("bij,bija->bja", couplings + biases, votes)
        return RoutingSteps(*(tensor[tf.newaxis]
                              for tensor in (couplings, sums, exponential_squash(sums))))
