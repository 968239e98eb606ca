#!/bin/bash
# One training on several nodes, with all GPUs that the job has on each.
#SBATCH --job-name=several_nodes
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120

export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"      # srun does not inherit it

# "node1:12345", "node2:12346", ...: each worker has a port of its own.
port=$((10000 + SLURM_JOB_ID % 20000))
workers=$(scontrol show hostnames "$SLURM_JOB_NODELIST" |
          awk -v port="$port" '{ printf "%s\"%s:%d\"", separator, $1, port++; separator = ", " }')
export CLUSTER="{\"worker\": [$workers]}"

# srun starts one worker on each node and tells it its number, SLURM_PROCID.
srun bash -c '
    task="{\"type\": \"worker\", \"index\": $SLURM_PROCID}"
    export TF_CONFIG="{\"cluster\": $CLUSTER, \"task\": $task}"
    exec python experiment.py --num_gpus="${SLURM_GPUS_ON_NODE:-1}" "$@"' worker "$@"
