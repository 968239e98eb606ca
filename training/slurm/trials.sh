#!/bin/bash
# The members of an ensemble, each in a job of its own, requeued until it is trained.
#SBATCH --job-name=trials
#SBATCH --array=0-6
#SBATCH --ntasks=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"      # srun does not inherit it

# 20 minutes less than --time: for the start, the last step and its checkpoint.
srun python -m training.trials --trial="$SLURM_ARRAY_TASK_ID" --max_minutes=460 "$@"
status=$?
if [ "$status" -eq 4 ]; then        # time is up, saved
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
