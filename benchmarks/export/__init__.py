"""What an export costs beside the two exports of torch that it contains."""
