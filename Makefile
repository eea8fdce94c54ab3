# What a person runs. Everything needs only Swift; `swift build` fetches two packages once.

PROBE ?= probes/task-vectors.yaml
# Seconds for each fuzz target.
TIME ?= 60

.PHONY: run build test lint format layers clean sanitize fuzz train-models bench-peers bench-theory bench-memory \
  bench-memory-large bench-plan determinism test-slurm docs results

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

# The whole test suite under the address sanitizer, then under the thread sanitizer (slow). Without XCTest, of which no test
# here is one and which leaks when it ends. Room for an absurd size is asked for in tests, and refused.
sanitize:
	ASAN_OPTIONS=allocator_may_return_null=1:suppressions=$(CURDIR)/Tests/Sanitizers/address.txt \
	  LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Sanitizers/leaks.txt \
	  swift test -c release --disable-xctest --sanitize=address --scratch-path .build/address
	TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Sanitizers/thread.txt \
	  swift test -c release --disable-xctest --sanitize=thread --scratch-path .build/thread

# Searches for inputs that a reader of outside bytes takes wrongly: each target, or those in TARGETS, for TIME seconds.
fuzz:
	sh Tests/Fuzz/run.sh $(TIME) $(TARGETS)

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

# Hendel's probe, one task, 10 + 10 sets, on random weights of Pythia 6.9B's size in bf16 (13.8 GB under runs/): its
# time and peak memory; without the untrained control, which would be a second model, in f32. Needs numpy, 20 GB of disk and 17 GB of memory.
LARGE = runs/memory-6.9b
bench-memory-large: build
	@if [ `df -Pk . | awk 'NR == 2 { print int($$4 / 1000000) }'` -lt 20 ]; then \
	  echo "skipped: bench-memory-large: less than 20 GB of disk are free"; \
	else \
	  python3 Tests/Fixtures/memory/make_random_checkpoint.py 6.9b bf16 data/models/softmax/tokenizer.json $(LARGE) && \
	  python3 Tests/Fixtures/memory/peak.py .build/release/thetascope run probes/hendel.yaml --model $(LARGE) \
	    --set 'tasks=["country_capital"]' --set template=arrow --set 'controls=["shuffled_labels","random_vector","other_task"]' \
	    --set development_sets=10 --set test_sets=10 \
	    --out $(LARGE)-run; status=$$?; rm -r $(LARGE) $(LARGE)-run; exit $$status; \
	fi

# Every probe file at full size, or PROBES: what plan expects beside what a second run takes, in time and memory (an hour;
# needs python3, and a machine that does nothing else).
bench-plan: build
	python3 Tests/Planning/compare.py .build/release/thetascope $(PROBES)

# The runs that the README's numbers come from (an hour on two cores; or NAMES="lens bijections"), and data/results from them.
results: build
	sh Tests/Fixtures/readme/results.sh
	RESULTS=$(CURDIR)/runs/results RECORD=1 swift test -c release --filter numbersAreThoseOfTheRuns

# Every probe file at full size: the same bytes on one thread and two, as shards and whole (an hour on two cores).
determinism: build
	sh Tests/Determinism/run.sh $(PROBES)

# A run as an array of four shards on a real Slurm of two nodes on this machine, one task killed, one requeued. Needs
# root and Debian's packages: apt-get install slurmctld slurmd slurm-client munge
test-slurm: build
	sh Tests/Slurm/run.sh

# The libraries' documentation and the articles on each laboratory, as a static site under .build/docs.
docs: build
	sh .ci/docs

clean:
	rm -rf .build runs
