"""What shows how a training goes: TensorBoard, history.csv, pictures, the progress bar."""
