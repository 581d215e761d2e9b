// Makes the wall clock jump by an hour, forth and back, ten times a second.
const now = Date.now;
const hourMs = 3_600_000;
Date.now = () => now() + [0, hourMs, 0, -hourMs][Math.floor(now() / 100) % 4];
