// What the workers share, by its place in an Int32Array.

export const ARRIVED = 0; // workers that wait at the barrier
export const TURN = 1; // how often all have come
export const STOPPED = 2; // the last job that was cancelled
