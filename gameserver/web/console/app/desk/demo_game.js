// A game that is ready to be played: the squads of the final of 2022, and the usual pools.
import { session } from "../session.js";

const SQUADS = {
  Argentina: "Armani,Foyth,Tagliafico,Montiel,Paredes,Pezzella,De Paul,Acuña,Álvarez,Messi,Di María,Rulli,Romero,Palacios,Correa,Almada,P. Gómez,G. Rodríguez,Otamendi,Mac Allister,Dybala,La. Martínez,E. Martínez,E. Fernández,Li. Martínez,Molina",
  France: "Lloris,Pavard,Disasi,Varane,Koundé,Guendouzi,Griezmann,Tchouaméni,Giroud,Mbappé,Dembélé,Kolo Muani,Fofana,Rabiot,Veretout,Mandanda,Saliba,Upamecano,Benzema,Coman,L. Hernandez,T. Hernandez,Areola,Konaté,Camavinga,Thuram",
};
const ACTIONS = ["Goal", "Own goal", "Penalty won", "Yellow card", "Red card", "Corner", "Substitution", "Offside", "Shot saved", "Best player"];

/** Make the game, in a source of mine or in a new one; its id. */
export async function makeDemoGame(sources) {
  const { client } = session;
  const sourceId = sources[0]?.id ?? (await client.call("open_game_source", { source_name: "Demo" })).source_id;
  const game = await client.call("create_and_open_game", { source_id: sourceId, game_name: "Argentina – France", type: "football", actions: ACTIONS, ...targetsOf(SQUADS), scores: { Goal: 1, "Own goal": -1 } });
  await client.call("become_an_admin_for_game", { game_id: game.game_id });
  for (const pool of poolsOf(game.targets, client.now())) await client.call("create_and_open_betting_pool", { game_id: game.game_id, ...pool });
  await client.call("set_match_clock", { game_id: game.game_id, period: "1H", elapsed_ms: 0, is_running: true });
  return game.game_id;
}

function targetsOf(squads) {
  const targets = Object.keys(squads);
  const labels = {};
  for (const [side, names] of Object.entries(squads)) {
    names.split(",").forEach((name, index) => {
      targets.push(`${side}:${name}`);
      labels[`${side}:${name}`] = { number: index + 1 };
    });
  }
  return { targets, labels };
}

function poolsOf(targets, now) {
  const sides = Object.keys(targets).filter((id) => id !== "none");
  const players = sides.flatMap((side) => Object.keys(targets[side].targets).map((id) => `${side}:${id}`));
  return [
    { description: "Who scores next?", pool_type: 1, action_id: "goal", targets: sides, recreate_on_end: true, is_hot: true },
    { description: "Next scorer", pool_type: 1, action_id: "goal", targets: players, recreate_on_end: true },
    { description: "Next yellow card", pool_type: 1, action_id: "yellow-card", targets: sides, recreate_on_end: true },
    { description: "First corner before half-time", pool_type: 2, action_id: "corner", targets: sides, finish_at: now + 45 * 60_000, recreate_on_end: false },
    { description: "Player of the match", pool_type: 1, action_id: "best-player", targets: players },
    { description: "Does it go to a shoot-out?", pool_type: 3, targets: ["Yes", "No"] },
  ];
}
