/** Asks whether the queue answers; given by whoever puts the service together, since entrances do not know each other. */
export class QueueProbe {
  /** `ping` resolves when the queue answers and rejects when it does not. */
  constructor(readonly ping: () => Promise<void>) {}
}
