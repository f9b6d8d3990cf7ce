// A process that plays histories, with a lab of its own. Its argument is the setup; tasks and answers
// are messages. It ends with its parent.
import { Lab } from '../helpers/lab.ts';
import { findCell } from './cells.ts';
import { tryImpossible } from './impossible.ts';
import type { Answer, Setup, Task } from './messages.ts';
import { Trials } from './trial.ts';

const setup = JSON.parse(process.argv[2] ?? '') as Setup;
const lab = await Lab.start();
const trials = new Trials(lab, setup.grounds, setup.shrinkMs);

async function perform(task: Task): Promise<Answer> {
  const cell = findCell(task.cell);
  switch (task.kind) {
    case 'seed':
      return { result: await trials.generated(cell, task.seed, setup.lengths) };
    case 'history':
      return { result: await trials.given(cell, task.history) };
    case 'impossible': {
      if (cell.impossible === undefined) throw new Error('the cell is possible');
      const error = await tryImpossible(lab, cell, cell.impossible, setup.grounds);
      return error === undefined
        ? { result: { operations: 0, refused: 0, changes: 0 } }
        : { error };
    }
  }
}

function send(answer: Answer): void {
  process.send?.(answer);
}

process.on('message', (task: Task) => {
  perform(task).then(send, (error: unknown) => {
    send({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
});
// At once even where a call of the library goes round in circles.
process.on('disconnect', () => {
  void lab.close().finally(() => process.exit());
});
