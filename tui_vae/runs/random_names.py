"""Names for runs that nobody named: speakable, and of no meaning."""

from __future__ import annotations

import secrets

_ADJECTIVES = """
amber bold brave bright brisk calm clear clever cosmic crisp daring deep eager early fair fleet fresh gentle glad golden
grand happy humble keen kind lively lucid lucky mellow merry mild neat nimble noble patient plain proud quick quiet
rapid rare ready serene sharp shy silent silver smart solid spry steady still subtle sunny swift tender tidy vivid warm
wise witty young
"""
_ANIMALS = """
badger bear beaver bison bittern crane curlew deer dolphin dove eagle egret elk falcon ferret finch fox gecko goose
grouse hare hawk hedgehog heron ibex ibis jackdaw jay kestrel kite lark lemur linnet lizard lynx magpie marten merlin
mole moose newt osprey otter owl panda pelican petrel plover puffin quail raven robin salmon seal shrew sparrow stoat
stork swallow swan swift tern thrush toad trout turtle vole weasel whale wolf wren
"""


def made_up_name() -> str:
    """Such as ``quiet-otter``. Not drawn from the run's seed: two runs of one seed have two names."""
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_ANIMALS.split())}"
