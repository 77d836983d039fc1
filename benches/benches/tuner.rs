//! The tuner's own time: a question at a hundred trials.

use benches::dice::Dice;
use benches::functions::{overlay10, zdt1};
use benches::problem::Problem;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use overlay_optimizer::{Ask, Tuner};

/// A tuner that has been told of a hundred candidates, far from the end of its budget.
fn at_hundred(problem: &Problem) -> Tuner {
    let mut tuner = Tuner::new(problem.space.clone(), problem.plan(200, 1)).expect("a plan");
    let mut dice = Dice(1);
    while tuner.runs() < 100 {
        let Ask::Evaluate(question) = tuner.ask() else { panic!("the budget is used up") };
        tuner.tell(question.trial, &problem.answer(&question, &mut dice)).expect("an answer");
    }
    tuner
}

fn ask(c: &mut Criterion) {
    let mut single = overlay10(1);
    single.scenarios.truncate(1);
    let mut group = c.benchmark_group("tuner");
    group.sample_size(20);
    for (name, problem) in [("ask_100", single), ("ask_100_two_objectives", zdt1(1))] {
        let tuner = at_hundred(&problem);
        group.bench_function(name, |b| {
            b.iter_batched(|| tuner.clone(), |mut it| it.ask(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, ask);
criterion_main!(benches);
