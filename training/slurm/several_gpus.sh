#!/bin/bash
# One training on several GPUs of one node.
#SBATCH --job-name=several_gpus
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120

export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"      # srun does not inherit it

srun python experiment.py --num_gpus="$SLURM_GPUS_ON_NODE" "$@"
