// What a trainer needs so that `allennlp train --recover` ends as an unbroken run would have ended.
{
  checkpointer: { type: 'atomic' },
  callbacks: [{ type: 'random_state' }, { type: 'recovery' }],
}
