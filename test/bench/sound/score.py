"""PESQ (ITU-T P.862, P.862.2) of many pairs of raw 16-bit files: a JSON list of {"reference", "degraded", "band"} in, MOS-LQO out."""

import json
import sys
from multiprocessing import Pool

import numpy
from pesq import pesq

RATES = {"nb": 8000, "wb": 16000}


def score(pair):
    reference, degraded = (numpy.fromfile(pair[name], dtype="<i2") for name in ("reference", "degraded"))
    if not degraded.any():
        return 1.0  # PESQ finds no utterance in silence
    return float(pesq(RATES[pair["band"]], reference, degraded, pair["band"]))


if __name__ == "__main__":
    with Pool() as pool:
        json.dump(pool.map(score, json.load(sys.stdin)), sys.stdout)
