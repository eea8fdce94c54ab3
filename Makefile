# What a person runs. Everything needs only Swift; `swift build` fetches two packages once.

PROBE ?= probes/task-vectors.yaml

.PHONY: run build test lint format layers clean sanitize train-models bench-peers bench-theory bench-memory

# The main job: task vectors of the shipped models, with curves in the terminal and CSVs under runs/.
run: build
	.build/release/thetascope run $(PROBE)

build:
	swift build -c release

test:
	swift test -c release

# Formatting and the direction of imports; both fail on the first mistake.
lint: layers
	swift format lint --strict --recursive Package.swift Sources Tests

format:
	swift format --in-place --recursive Package.swift Sources Tests

# A target imports only targets above it in Package.swift.
layers:
	@sh .ci/layers

# The whole test suite under the address sanitizer, then under the thread sanitizer (slow).
sanitize:
	swift test -c release --sanitize=address --scratch-path .build/address
	swift test -c release --sanitize=thread --scratch-path .build/thread

# Makes the four shipped models again, each from the train.yaml beside it; two at a time, one thread each.
train-models: build
	@for pair in "softmax softmax-plain" "linear linear-plain"; do \
	  for name in $$pair; do \
	    .build/release/thetascope train data/models/$$name/train.yaml --out runs/train/$$name --threads 1 & \
	  done; wait; \
	done

# The same work in Thetascope and in its peers (from PyPI, each in a folder of its own under .build/peers), in turn.
bench-peers: build
	sh Tests/Peers/install.sh
	.build/peers/transformers/bin/python Tests/Peers/compare.py $(WORK)

# The recipe of linear-finetuning, and the same in PyTorch, in processor time on one thread.
bench-theory: build
	sh Tests/Peers/install.sh
	.build/peers/transformers/bin/python Tests/Peers/linear_finetuning.py .build/release/thetascope

# Peak memory of a forward pass of random weights of Pythia 1.4B's size in bf16 (2.8 GB under runs/; needs numpy).
bench-memory: build
	python3 Tests/Fixtures/memory/make_random_checkpoint.py 1.4b bf16 data/models/softmax/tokenizer.json runs/memory-1.4b
	.build/release/thetascope bench --memory --model runs/memory-1.4b
	rm -r runs/memory-1.4b

clean:
	rm -rf .build runs
