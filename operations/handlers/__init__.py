"""What EventBridge Scheduler runs in AWS Lambda: entry points over what the commands do too."""
