#!/bin/sh
# A run as an array of four shards on a real Slurm of two nodes on this machine: one task is killed, another requeued in
# the middle, the merge waits for all, and its files must be those of a run on one machine. Everything lives in one new
# folder, with its own munge key and sockets; needs Debian's slurmctld, slurmd, slurm-client and munge, and root.
set -eu
cd "$(dirname "$0")/../.."
program=${PROGRAM:-.build/release/thetascope}
for tool in slurmctld slurmd sbatch munged; do
  PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || {
    echo "test-slurm: no $tool; apt-get install slurmctld slurmd slurm-client munge" >&2
    exit 66
  }
done
PATH=$PATH:/usr/sbin
program=$(readlink -f "$program")
dir=$(mktemp -d)
pids=""
end() {
  status=$?
  trap - EXIT
  # Jobs first: slurmstepd outlives slurmd.
  scancel --user=root 2>/dev/null || :
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -n "$(squeue --noheader 2>/dev/null || :)" ] || break
    sleep 1
  done
  for pid in $pids; do kill "$pid" 2>/dev/null || :; done
  for pid in $pids; do wait "$pid" 2>/dev/null || :; done
  [ "$status" -eq 0 ] && rm -rf "$dir" || echo "test-slurm: failed; see $dir" >&2
  exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

host=$(hostname -s)
cpus=$(nproc)
export SLURM_CONF="$dir/slurm.conf"
mkdir -m 755 "$dir/state" "$dir/spool.n1" "$dir/spool.n2" "$dir/munge"
dd if=/dev/urandom of="$dir/munge/key" bs=1024 count=1 2>/dev/null
chmod 600 "$dir/munge/key"
chmod 755 "$dir"
cat >"$SLURM_CONF" <<CONF
ClusterName=thetascope
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
SlurmctldPort=26817
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/jobs.txt
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
MinJobAge=600
SchedulerParameters=sched_interval=2,batch_sched_delay=0
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=26818 CPUs=$cpus RealMemory=4000
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=26819 CPUs=$cpus RealMemory=4000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
munged --foreground --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
  --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" \
  2>"$dir/munge/out" &
pids="$!"
sleep 1
slurmctld -D >"$dir/slurmctld.out" 2>&1 &
pids="$! $pids"
for node in n1 n2; do
  slurmd -D -N "$node" >"$dir/slurmd.$node.out" 2>&1 &
  pids="$! $pids"
done
for _ in $(seq 60); do
  [ "$(sinfo --noheader --format=%T --Node 2>/dev/null | grep -c idle)" = 2 ] && break
  sleep 1
done
sinfo

# Sixteen cells: long enough to be caught in the middle.
set -- probes/task-vectors.yaml --model data/models/softmax --model data/models/linear \
  --set "tasks=[\"country_capital\", \"next_letter\", \"antonyms\", \"plural_singular\", \"country_continent\", \"en_es\", \"en_fr\", \"country_language\"]"
"$program" run "$@" --quiet --threads 1 --out "$dir/single"
"$program" slurm "$@" --threads 1 --shards 4 --out "$dir/all" >"$dir/job.sh"
sh "$dir/job.sh"
array=$(squeue --noheader --format=%F | sort -n | head -n 1)

cells() { grep -ac '"entry":"cell"' "$dir/all.shards/$1/unfinished/journal" 2>/dev/null || :; }
midway() {
  for _ in $(seq 600); do
    n=$(cells "$1")
    [ "${n:-0}" -ge 1 ] && [ ! -e "$dir/all.shards/$1/shard.json" ] && return 0
    [ -e "$dir/all.shards/$1/shard.json" ] && return 1
    sleep 0.05
  done
  return 1
}
midway 1 || { echo "test-slurm: shard 1 was over before it could be requeued" >&2; exit 1; }
scontrol requeue "${array}_1"
echo "requeued task 1 after $(cells 1) cells"
midway 2 || { echo "test-slurm: shard 2 was over before it could be killed" >&2; exit 1; }
for process in /proc/[0-9]*; do
  case "$(tr '\0' ' ' <"$process/cmdline" 2>/dev/null || :)" in
  "$program run "*" --out $dir/all.shards/2 ") kill -KILL "${process#/proc/}" ;;
  esac
done
echo "killed task 2 after $(cells 2) cells"

for _ in $(seq 300); do
  [ -e "$dir/all/run.json" ] && break
  # Slurm lets requeued tasks wait for two minutes; nobody needs to here.
  for task in $(squeue --noheader --state=PENDING --format=%K:%r | sed -n 's/:BeginTime$//p'); do
    scontrol update "jobid=${array}_$task" starttime=now || :
  done
  sleep 1
done
cat "$dir/jobs.txt" | sed 's/ UserId.*JobState/ JobState/; s/ TimeLimit.*//' || :
grep -h "cells" "$dir"/all.shards/[0-3].log | tail -n 40
for file in results.csv samples.csv columns.json vectors.safetensors; do
  cmp "$dir/single/$file" "$dir/all/$file"
  echo "the same bytes: $file"
done
echo "sessions in run.json: $(grep -c '"began"' "$dir/all/run.json")"
