"""TensorFlow's own files - checkpoints, frozen graphs and archives of them - read without TensorFlow.

Own code, and not the package tensorflow-checkpoint-reader (0.2.2): that one reads checkpoints alone, checks them with
zlib's CRC-32 in place of CRC-32C, and trusts every length in a file. Here every length is held against what is left of
the file, every count has a bound, nothing recurses, and what is asked of the memory is never more than the file has.
A broken file raises ValueError with the reason; whoever opened it knows its name.
"""
