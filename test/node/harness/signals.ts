/** For scripts that start others: a signal ends them by way of `exit`, which ends what they started too. */
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
