"""Writes samples_*.jsonl with lm-evaluation-harness itself (lm_eval 0.4.13), for the reader of such files.

Three small tasks of our own, one of each kind of request, asked of its `dummy` model, which answers at random. Dates are
taken out of the names, so that the files stay the same.

    python make_samples.py FOLDER
"""

import glob
import json
import os
import random
import sys
import tempfile

import numpy

import lm_eval
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

CAPITALS = [("France", "Paris"), ("Spain", "Madrid"), ("Norway", "Oslo")]
COMMON = """
test_split: train
validation_split: null
training_split: null
dataset_path: json
dataset_kwargs:
  data_files: {file}
num_fewshot: 0
"""
TASKS = {
    "capital_choice": """
task: capital_choice
output_type: multiple_choice
doc_to_text: "The capital of {{country}} is"
doc_to_choice: ["Paris", "Madrid", "Oslo"]
doc_to_target: place
""",
    "capital_text": """
task: capital_text
output_type: generate_until
doc_to_text: "Question: the capital of {{country}}?\\nAnswer:"
doc_to_target: capital
generation_kwargs: {until: ["\\n"]}
filter_list:
  - {name: strict, filter: [{function: take_first}]}
  - {name: flexible, filter: [{function: lowercase}, {function: take_first}]}
metric_list: [{metric: exact_match}]
""",
    "capital_word": """
task: capital_word
output_type: loglikelihood
doc_to_text: "{{country}} ->"
doc_to_target: " {{capital}}"
metric_list: [{metric: acc}]
""",
}


def main(folder):
    os.environ["HF_HUB_OFFLINE"] = "1"
    random.seed(0)
    numpy.random.seed(0)
    with tempfile.TemporaryDirectory() as work:
        data = f"{work}/capitals.json"
        with open(data, "w") as file:
            for place, (country, capital) in enumerate(CAPITALS):
                file.write(json.dumps({"country": country, "capital": capital, "place": place}) + "\n")
        for name, text in TASKS.items():
            with open(f"{work}/{name}.yaml", "w") as file:
                file.write(text + COMMON.format(file=data))
        tracker = EvaluationTracker(output_path=f"{work}/out")
        results = lm_eval.simple_evaluate(
            model="dummy", tasks=list(TASKS), log_samples=True, evaluation_tracker=tracker,
            task_manager=TaskManager(include_path=work, include_defaults=False), bootstrap_iters=0)
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for name in TASKS:
            tracker.save_results_samples(task_name=name, samples=samples[name])
        for path in glob.glob(f"{work}/out/**/samples_*.jsonl", recursive=True):
            stem = os.path.basename(path).rsplit("_", 1)[0]
            os.replace(path, f"{folder}/{stem}_2026-11-25T00-00-00.jsonl")


main(sys.argv[1])
