/** Draws the effect of a message: some hundred small things that fall, rise or fly apart for a few seconds. */
import type { Effect } from "../../lib/effects.ts";

interface Particle {
  x: number;
  y: number;
  vx: number;
  vy: number;
  size: number;
  turn: number;
  spin: number;
  colour: string;
  /** Seconds before it appears. */
  wait: number;
}

interface Style {
  gravity: number;
  /** How much of its speed a thing keeps in a second. */
  drag: number;
  make: (width: number, height: number) => Particle[];
  draw: (context: CanvasRenderingContext2D, particle: Particle) => void;
}

const SECONDS = 4;
const COLOURS = ["#e5484d", "#f5a524", "#30a46c", "#3e8ef7", "#8e4ec6", "#e93d82"];

const random = (from: number, to: number) => from + Math.random() * (to - from);
const some = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;

function particle(values: Partial<Particle>): Particle {
  const still = { x: 0, y: 0, vx: 0, vy: 0, size: 8, turn: random(0, 6), spin: 0, colour: some(COLOURS), wait: 0 };
  return { ...still, ...values };
}

const many = (count: number, make: (index: number) => Particle) =>
  Array.from({ length: count }, (_, index) => make(index));

const STYLES: Readonly<Record<Effect, Style>> = {
  confetti: {
    gravity: 420,
    drag: 0.45,
    make: (width, height) =>
      many(160, (index) =>
        particle({
          x: index % 2 === 0 ? 0 : width,
          y: height * 0.75,
          vx: (index % 2 === 0 ? 1 : -1) * random(120, width * 0.9),
          vy: -random(300, height * 1.3),
          size: random(5, 11),
          spin: random(-9, 9),
        }),
      ),
    draw(context, { size, turn }) {
      // A strip of paper that turns is seen from its edge now and then.
      context.fillRect(-size / 2, (-size / 2) * Math.cos(turn * 2), size, size * 0.6 * Math.cos(turn * 2));
    },
  },
  fireworks: {
    gravity: 120,
    drag: 0.25,
    make: (width, height) =>
      Array.from({ length: 6 }, (_, burst) => {
        const [x, y, colour] = [random(0.15, 0.85) * width, random(0.12, 0.5) * height, some(COLOURS)];
        return many(36, (index) => {
          const speed = random(140, 320);
          const angle = (index / 36) * Math.PI * 2;
          const [vx, vy] = [Math.cos(angle) * speed, Math.sin(angle) * speed];
          return particle({ x, y, vx, vy, colour, size: 3, wait: burst * 0.45 });
        });
      }).flat(),
    draw(context, { size }) {
      circle(context, size);
    },
  },
  hearts: {
    gravity: -14,
    drag: 0.9,
    make: (width, height) =>
      many(46, () =>
        particle({
          x: random(0, width),
          y: height + random(10, 60),
          vx: random(-20, 20),
          vy: -random(height * 0.22, height * 0.42),
          size: random(12, 30),
          turn: random(-0.3, 0.3),
          colour: some(["#e5484d", "#e93d82", "#f76b8a"]),
          wait: random(0, 1.4),
        }),
      ),
    draw: heart,
  },
  snowfall: {
    gravity: 4,
    drag: 0.98,
    make: (width, height) =>
      many(130, () =>
        particle({
          x: random(0, width),
          y: -random(5, height * 0.2),
          vx: random(-22, 22),
          vy: random(height * 0.2, height * 0.42),
          size: random(2, 5),
          colour: some(["#a8c7f0", "#c7daf5", "#8fb4e8"]),
          wait: random(0, 2),
        }),
      ),
    draw(context, { size }) {
      circle(context, size);
    },
  },
};

function circle(context: CanvasRenderingContext2D, radius: number): void {
  context.beginPath();
  context.arc(0, 0, radius, 0, Math.PI * 2);
  context.fill();
}

function heart(context: CanvasRenderingContext2D, { size }: Particle): void {
  const half = size / 2;
  context.beginPath();
  context.moveTo(0, half);
  context.bezierCurveTo(-size, -half * 0.4, -half * 0.6, -size, 0, -half * 0.3);
  context.bezierCurveTo(half * 0.6, -size, size, -half * 0.4, 0, half);
  context.fill();
}

export function drawEffect(canvas: HTMLCanvasElement, effect: Effect): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const scale = Math.min(2, window.devicePixelRatio);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.dataset.effect = effect;
  const { gravity, drag, make, draw } = STYLES[effect];
  const particles = make(width, height);
  let time = 0;
  let before: number | undefined;
  const frame = (now: number) => {
    // After a pause of the tab it goes on where it was.
    const step = Math.min(0.05, (now - (before ?? now)) / 1000);
    before = now;
    time += step;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    if (time > SECONDS || canvas.dataset.effect !== effect || !canvas.isConnected) {
      delete canvas.dataset.effect;
      return;
    }
    for (const each of particles) {
      if (time < each.wait) continue;
      each.vy += gravity * step;
      each.vx *= drag ** step;
      if (each.vy < 0 || gravity < 100) each.vy *= drag ** step;
      each.x += each.vx * step;
      each.y += each.vy * step;
      each.turn += each.spin * step;
      context.globalAlpha = Math.min(1, SECONDS - time);
      context.fillStyle = each.colour;
      context.setTransform(scale, 0, 0, scale, each.x * scale, each.y * scale);
      context.rotate(each.turn);
      draw(context, each);
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
